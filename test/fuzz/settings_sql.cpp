// Settings as SQL. Goal: whatever names and values a session has, sets are sorted and bounded, and
// their SQL is ASCII and the same tokens under either standard_conforming_strings.
#include <algorithm>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "gateway/session/settings_sql.hpp"
#include "gateway/sql/lexer.hpp"

using namespace pgkeel::gateway;

namespace {

// Lines of name=value; those behind an empty line are of another set.
std::pair<std::vector<Setting>, std::vector<Setting>> settings_of(std::string_view text) {
  std::pair<std::vector<Setting>, std::vector<Setting>> sets;
  auto* into = &sets.first;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = std::min(line.find('='), line.size());
    if (line.empty()) into = &sets.second;
    else into->push_back({std::string(line.substr(0, equals)), std::string(line.substr(equals))});
  }
  return sets;
}

std::vector<std::string> tokens(std::string_view sql, sql::Backslash backslash) {
  std::vector<std::string> all;
  sql::Lexer lexer({.backslash = backslash});
  lexer.feed(sql);
  for (sql::Token token; lexer.next(token) || lexer.finish(token);)
    all.push_back(std::to_string(static_cast<int>(token.kind)) + token.symbol +
                  std::string(token.text));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  SettingsTable table;
  const auto [first, second] = settings_of(pgkeel::test::text_of(bytes, size));
  const auto from = table.intern(first), to = table.intern(second);
  if (!from || !to) return 0;
  for (const auto& sql : {settings_difference(*from, *to, "UTF8"), settings_query(*to, {})}) {
    CHECK(std::ranges::all_of(sql, [](char c) { return c > 0; }));
    CHECK(tokens(sql, sql::Backslash::Plain) == tokens(sql, sql::Backslash::Escape));
  }
  return 0;
}
