// See report_text.hpp.
#include "incident/report_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "incident/event_words.hpp"
#include "incident/text.hpp"

namespace pgkeel::incident {
namespace {

const Event* event_that_begins(const Incident& incident, std::string_view words) {
  const auto begins = [words](const Event& event) { return event.text.starts_with(words); };
  const auto found = std::ranges::find_if(incident.events, begins);
  return found == incident.events.end() ? nullptr : &*found;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (std::string_view("\\|<>`*_[]#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string day_and_clock(WallTime at) {
  const auto text = to_iso8601(at);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string_view after(std::string_view text, std::string_view beginning) {
  return text.substr(std::min(beginning.size(), text.size()));
}

bool interrupted_clients(const Incident& incident) {
  return event_that_begins(incident, kOverEvent) == nullptr &&
         event_that_begins(incident, kProtectedEvent) == nullptr;
}

std::string watch_in_words(const Incident& incident) {
  if (incident.state == IncidentState::Watching)
    return "The stability watch runs; the incident is closed when nothing comes back.";
  const auto* closed = event_that_begins(incident, kClosedEvent);
  if (closed == nullptr || !incident.recovered) return {};
  const auto back = incident.opened_at + *incident.recovered;
  const auto watched = std::max(std::chrono::duration_cast<Millis>(closed->at - back), Millis(0));
  return fmt::format("The stability watch ended {} after recovery: {}.", humane_duration(watched),
                     escaped(after(closed->text, kClosedEvent)));
}

}  // namespace pgkeel::incident
