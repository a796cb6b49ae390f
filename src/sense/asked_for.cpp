// See asked_for.hpp.
#include "sense/asked_for.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace pgkeel::sense {
namespace {

// As the server's translations quote a name.
struct Quotes {
  std::string_view open;
  std::string_view close;
};
constexpr auto kQuotes =
    std::to_array<Quotes>({{"\"", "\""}, {"»", "«"}, {"« ", " »"}, {"«", "»"}, {"„", "“"}});

struct Named {
  std::string_view what;  ///< the words before the name
  std::string_view name;  ///< empty: none
};

Named named_in(std::string_view text) {
  for (const auto& quotes : kQuotes) {
    const auto begin = text.find(quotes.open);
    if (begin == std::string_view::npos) continue;
    const auto from = begin + quotes.open.size();
    const auto end = text.find(quotes.close, from);
    if (end != std::string_view::npos)
      return {text.substr(0, begin), text.substr(from, end - from)};
  }
  return {};
}

// "relation", "Relation", "la relación", "a relação", "la relazione": of what is dropped, or
// altered as a view, the server says "table", "view".
bool says_relation(std::string_view what) { return what.contains("rela") || what.contains("Rela"); }

}  // namespace

std::optional<AskedFor> asked_for(const LogEvent& event, SteadyTime at) {
  const auto [what, name] = named_in(event.text);
  if (name.empty()) return std::nullopt;
  if (event.signature == pg::Signature::DatabaseMissing) return AskedFor{at, std::string(name), {}};
  if (event.signature != pg::Signature::RelationMissing || !says_relation(what))
    return std::nullopt;
  return AskedFor{at, event.database, std::string(name)};
}

void note_asked_for(std::vector<AskedFor>& asked, AskedFor one) {
  std::erase_if(asked, [&](const AskedFor& other) {
    return other.database == one.database && other.relation == one.relation;
  });
  if (asked.size() >= kAskedForKept) asked.erase(asked.begin());
  asked.push_back(std::move(one));
}

}  // namespace pgkeel::sense
