// The next command for whoever is called: a note often names it, in quotes, as the guard would say
// it to a person at its terminal. A command with a placeholder in it (DATABASE) is no command.
#include <algorithm>
#include <cctype>

#include "incident/prevention.hpp"
#include "notify/notice.hpp"

namespace pgkeel::notify {
namespace {

constexpr std::size_t kCommandBytesMax = 200;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// Two capitals in a row: RELATION, DIR, ID.
bool has_placeholder(std::string_view command) {
  return std::ranges::adjacent_find(
             command, [](char a, char b) { return is_upper(a) && is_upper(b); }) != command.end();
}

std::string quoted_command(std::string_view note) {
  for (const char quote : {'\'', '`'}) {
    const auto opening = std::string(1, quote) + "pgkeel ";
    for (auto at = note.find(opening); at != std::string_view::npos;
         at = note.find(opening, at + 1)) {
      const auto end = note.find(quote, at + 1);
      if (end == std::string_view::npos) break;
      const auto command = note.substr(at + 1, end - at - 1);
      if (command.size() <= kCommandBytesMax && !has_placeholder(command))
        return std::string(command);
    }
  }
  return {};
}

}  // namespace

std::string next_command(const incident::Incident& incident, std::string_view note) {
  if (!is_journaled(incident.id)) return "pgkeel doctor";
  if (incident.state != incident::IncidentState::Waiting)
    return "pgkeel incident show " + incident.id;
  auto quoted = quoted_command(note);
  return quoted.empty() ? incident::first_command(incident) : quoted;
}

}  // namespace pgkeel::notify
