// See asked_for.hpp.
#include "sense/asked_for.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "pg/log_signature.hpp"

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

// Behind comments and brackets: who writes queries puts them there.
std::string_view first_word(std::string_view statement) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  while (!statement.empty()) {
    std::size_t skipped = 0;
    if (statement.starts_with("--")) skipped = statement.find('\n');
    else if (statement.starts_with("/*")) skipped = statement.find("*/") + 1;
    else if (!std::string_view(" \t\r\n(").contains(statement.front()))
      return statement.substr(0, statement.find_first_not_of(kLetters));
    if (skipped >= statement.size()) return {};
    statement.remove_prefix(skipped + 1);
  }
  return {};
}

bool same_word(std::string_view word, std::string_view upper) {
  const auto raised = [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  };
  return std::ranges::equal(word, upper, std::ranges::equal_to(), raised);
}

// pg_dump locks by name, a clean-up alters and empties.
bool reads_or_writes(std::string_view statement) {
  constexpr auto kVerbs =
      std::to_array<std::string_view>({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH"});
  if (statement.starts_with(kOwnStatement)) return false;
  const auto word = first_word(statement);
  return std::ranges::any_of(kVerbs, [word](auto verb) { return same_word(word, verb); });
}

// Who looks whether it is gone, and who copies what is there.
bool is_an_app(std::string_view application) {
  constexpr auto kOthers = std::to_array<std::string_view>(
      {"psql", "pg_dump", "pg_restore", "pgAdmin", "DBeaver", "DataGrip", "pgkeel"});
  return std::ranges::none_of(kOthers, [=](auto other) { return application.starts_with(other); });
}

}  // namespace

std::optional<AskedFor> asked_for(const pg::LogLine& line, SteadyTime at) {
  if (pg::classify(line) != pg::Signature::RelationMissing) return std::nullopt;
  const auto [what, name] = named_in(line.message);
  if (name.empty() || !says_relation(what)) return std::nullopt;
  if (!reads_or_writes(line.statement) || !is_an_app(line.application)) return std::nullopt;
  return AskedFor{at, line.database, std::string(name)};
}

void note_asked_for(std::vector<AskedFor>& asked, AskedFor one) {
  std::erase_if(asked, [&](const AskedFor& other) {
    return other.database == one.database && other.relation == one.relation;
  });
  if (asked.size() >= kAskedForKept) asked.erase(asked.begin());
  asked.push_back(std::move(one));
}

}  // namespace pgkeel::sense
