// See sql_literals.hpp. One pass: at each position one token is read and shown, hidden or dropped.
#include "pg/sql_literals.hpp"

#include <cctype>

namespace pgkeel::pg {
namespace {

constexpr auto kEnd = std::string_view::npos;

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
// Bytes of UTF-8 belong to names too.
bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80U;
}

std::size_t or_end(std::string_view sql, std::size_t at) { return at == kEnd ? sql.size() : at; }

// Behind the quoted text that begins here; the end when it is not closed.
std::size_t after_quotes(std::string_view sql, std::size_t at, bool escapes) {
  const char quote = sql[at++];
  for (; at < sql.size(); ++at) {
    if (escapes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      if (at + 1 >= sql.size() || sql[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return sql.size();
}

// Behind a plain string. Whether a backslash before a quote is an escape is the server's setting
// (standard_conforming_strings): where the string ends is then not known, and nothing is shown any
// more. Two are one character or two, and the string ends either way.
std::size_t after_plain_string(std::string_view sql, std::size_t at) {
  bool escaped = false;
  for (++at; at < sql.size(); ++at) {
    if (sql[at] == '\'') {
      if (escaped) return sql.size();
      if (at + 1 >= sql.size() || sql[at + 1] != '\'') return at + 1;
      ++at;
    }
    escaped = sql[at] == '\\' && !escaped;
  }
  return sql.size();
}

std::size_t after_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    const auto two = sql.substr(at, 2);
    if (two == "/*") ++depth;
    else if (two == "*/") --depth;
    at += two == "/*" || two == "*/" ? 2 : 1;
    if (depth == 0) return at;
  }
  return sql.size();
}

// "$tag$" at this place, or nothing.
std::string_view dollar_tag(std::string_view sql, std::size_t at) {
  auto end = at + 1;
  while (end < sql.size() && is_word(sql[end])) ++end;
  const bool tag = end < sql.size() && sql[end] == '$' && !is_digit(sql[at + 1]);
  return tag ? sql.substr(at, end - at + 1) : std::string_view();
}

std::size_t after_word(std::string_view sql, std::size_t at) {
  while (at < sql.size() && (is_word(sql[at]) || sql[at] == '$')) ++at;
  return at;
}

std::size_t after_number(std::string_view sql, std::size_t at) {
  while (at < sql.size() && (is_word(sql[at]) || sql[at] == '.')) ++at;
  return at;
}

// E'...', B'...', X'...', N'...', U&'...': the prefix of a string.
bool is_string_prefix(std::string_view word) {
  constexpr std::string_view kPrefixes = "eEbBxXnN";
  return word.size() == 1 && kPrefixes.contains(word.front());
}

struct Shown {
  std::string text;
  bool space = false;

  void add(std::string_view piece) {
    if (space && !text.empty()) text += ' ';
    space = false;
    text += piece;
  }
};

// Behind a word, or behind the string whose prefix it is.
std::size_t take_word(std::string_view sql, std::size_t at, Shown& shown) {
  const auto end = after_word(sql, at);
  const auto word = sql.substr(at, end - at);
  if (end < sql.size() && sql[end] == '\'' && is_string_prefix(word)) {
    shown.add("?");
    const bool escapes = word == "e" || word == "E";
    return escapes ? after_quotes(sql, end, true) : after_plain_string(sql, end);
  }
  shown.add(word);
  return end;
}

std::size_t take_dollar(std::string_view sql, std::size_t at, Shown& shown) {
  const auto tag = dollar_tag(sql, at);
  if (!tag.empty()) {
    shown.add("?");
    const auto close = sql.find(tag, at + tag.size());
    return close == kEnd ? sql.size() : close + tag.size();
  }
  auto end = at + 1;
  while (end < sql.size() && is_digit(sql[end])) ++end;
  // Cut off within a tag: what follows may be a value.
  if (end == at + 1) return after_word(sql, end);
  shown.add(sql.substr(at, end - at));
  return end;
}

std::size_t take(std::string_view sql, std::size_t at, Shown& shown) {
  const char c = sql[at];
  const auto two = sql.substr(at, 2);
  if (is_space(c) || c == '\0') {
    shown.space = true;
    return at + 1;
  }
  if (two == "--") {
    shown.space = true;
    return or_end(sql, sql.find('\n', at));
  }
  if (two == "/*") {
    shown.space = true;
    return after_comment(sql, at);
  }
  if (c == '\'') {
    shown.add("?");
    return after_plain_string(sql, at);
  }
  if (c == '"') {
    const auto end = after_quotes(sql, at, false);
    shown.add(sql.substr(at, end - at));
    return end;
  }
  if (c == '$') return take_dollar(sql, at, shown);
  if (is_digit(c)) {
    shown.add("?");
    return after_number(sql, at);
  }
  if (is_word(c)) return take_word(sql, at, shown);
  shown.add(sql.substr(at, 1));
  return at + 1;
}

}  // namespace

std::string hide_literals(std::string_view sql, std::size_t most) {
  Shown shown;
  std::size_t at = 0;
  while (at < sql.size() && shown.text.size() <= most) at = take(sql, at, shown);
  if (shown.text.size() <= most && at >= sql.size()) return shown.text;
  auto end = std::min(most, shown.text.size());
  // Not within a character.
  while (end > 0 && end < shown.text.size() &&
         (static_cast<unsigned char>(shown.text[end]) & 0xC0U) == 0x80U)
    --end;
  return shown.text.substr(0, end) + "...";
}

}  // namespace pgkeel::pg
