// A hand-written scanner of the tokens of guc-file.l: longest match wins, a line is name, optional
// "=", one value, and nothing but a comment behind it.
#include "pg/config_text.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace pgkeel::pg {
namespace {

// A token named in a fault: long enough to recognise, short enough for a report's line.
constexpr std::size_t kTokenShownMax = 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_letter(char c) {
  return is_ascii_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) { return is_letter(c) || is_digit(c); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

template <class Test>
std::size_t run(std::string_view text, std::size_t from, Test test) {
  while (from < text.size() && test(text[from])) ++from;
  return from;
}

std::size_t match_id(std::string_view text) {
  return !text.empty() && is_letter(text[0]) ? run(text, 1, is_word) : 0;
}

/// ID or ID.ID.
std::size_t match_name(std::string_view text) {
  const auto first = match_id(text);
  if (first == 0 || first >= text.size() || text[first] != '.') return first;
  const auto second = match_id(text.substr(first + 1));
  return second == 0 ? first : first + 1 + second;
}

std::size_t match_unquoted(std::string_view text) {
  if (text.empty() || !is_letter(text[0])) return 0;
  return run(text, 1, [](char c) { return is_word(c) || std::string_view("-._:/").contains(c); });
}

std::size_t skip_sign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
}

std::size_t match_integer(std::string_view text) {
  const auto start = skip_sign(text);
  auto end = run(text, start, is_digit);
  if (text.substr(start).starts_with("0x")) {
    if (const auto hex = run(text, start + 2, is_hex); hex > start + 2) end = hex;
  }
  return end == start ? 0 : run(text, end, is_ascii_letter);
}

std::size_t match_real(std::string_view text) {
  auto end = run(text, skip_sign(text), is_digit);
  if (end >= text.size() || text[end] != '.') return 0;
  end = run(text, end + 1, is_digit);
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const auto digits = end + 1 + skip_sign(text.substr(end + 1));
    if (const auto stop = run(text, digits, is_digit); stop > digits) end = stop;
  }
  return end;
}

/// A quoted string with its quotes; 0 when it does not end on this line.
std::size_t match_string(std::string_view text) {
  if (text.empty() || text[0] != '\'') return 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') ++at;
    else if (text[at] == '\'') {
      if (at + 1 >= text.size() || text[at + 1] != '\'') return at + 1;
      ++at;
    }
  }
  return 0;
}

std::size_t match_value(std::string_view text) {
  if (const auto quoted = match_string(text); quoted > 0) return quoted;
  return std::max({match_unquoted(text), match_integer(text), match_real(text)});
}

// \b \f \n \r \t and up to three octal digits; any other character stands for itself.
char unescape(std::string_view body, std::size_t& at) {
  const char c = body[at];
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: break;
  }
  if (c < '0' || c > '7') return c;
  unsigned octal = 0;
  std::size_t digits = 0;
  for (; digits < 3 && at + digits < body.size(); ++digits) {
    const char digit = body[at + digits];
    if (digit < '0' || digit > '7') break;
    octal = octal * 8 + static_cast<unsigned>(digit - '0');
  }
  at += digits - 1;
  return static_cast<char>(octal & 0xFFU);
}

std::string unquote(std::string_view token) {
  if (token.empty() || token[0] != '\'') return std::string(token);
  const auto body = token.substr(1, token.size() - 2);
  std::string out;
  for (std::size_t at = 0; at < body.size(); ++at) {
    if (body[at] == '\\' && at + 1 < body.size()) out += unescape(body, ++at);
    else {
      out += body[at];
      if (body[at] == '\'') ++at;  // the second of a doubled quote
    }
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view skip_blanks(std::string_view text) { return text.substr(run(text, 0, is_blank)); }
bool at_end(std::string_view text) { return text.empty() || text[0] == '#'; }

std::string syntax_error(std::string_view line, std::string_view rest) {
  if (at_end(rest)) return "syntax error near end of line";
  // What is quoted may be a secret (primary_conninfo), and so may its misquoted rest.
  if (line.contains('\'')) return "syntax error near a quoted value";
  const auto token = rest.substr(0, std::max<std::size_t>(1, match_value(rest)));
  return fmt::format("syntax error near token \"{}\"", token.substr(0, kTokenShownMax));
}

/// One line: a setting, a fault's text, or neither for a blank line.
void read_line(std::string_view line, int number, ConfigText& out) {
  auto rest = skip_blanks(line);
  if (at_end(rest)) return;
  const auto fault = [&] {
    if (out.faults.size() < kConfigFaultsMax)
      out.faults.push_back({number, syntax_error(line, rest)});
  };
  const auto name = rest.substr(0, match_name(rest));
  if (name.empty()) return fault();
  rest = skip_blanks(rest.substr(name.size()));
  if (rest.starts_with('=')) rest = skip_blanks(rest.substr(1));
  const auto value = rest.substr(0, match_value(rest));
  if (value.empty()) return fault();
  rest = skip_blanks(rest.substr(value.size()));
  if (!at_end(rest)) return fault();
  if (out.settings.size() < kConfigSettingsMax)
    out.settings.push_back({lower(name), unquote(value), number});
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// The end of the list entry that starts at `from`: a comma outside double quotes.
std::size_t entry_end(std::string_view text, std::size_t from) {
  bool quoted = false;
  for (; from < text.size(); ++from) {
    if (text[from] == '"') quoted = !quoted;
    else if (text[from] == ',' && !quoted) break;
  }
  return from;
}

std::string unquote_entry(std::string_view entry) {
  if (entry.size() < 2 || entry.front() != '"' || entry.back() != '"') return std::string(entry);
  entry = entry.substr(1, entry.size() - 2);
  std::string out;
  for (std::size_t at = 0; at < entry.size(); ++at) {
    out += entry[at];
    if (entry[at] == '"') ++at;
  }
  return out;
}

}  // namespace

ConfigText parse_config_text(std::string_view text) {
  ConfigText out;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    read_line(text.substr(0, end), number, out);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}

bool is_include(const ConfigSetting& setting) {
  return setting.name == "include" || setting.name == "include_dir" ||
         setting.name == "include_if_exists";
}

std::optional<std::string> find_setting(std::span<const ConfigSetting> settings,
                                        std::string_view name) {
  for (auto it = settings.rbegin(); it != settings.rend(); ++it)
    if (it->name == name) return it->value;
  return std::nullopt;
}

std::string quote_config_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\n') out += "\\n";
    else {
      if (c == '\'' || c == '\\') out += c;
      out += c;
    }
  }
  return out + "'";
}

std::vector<std::string> split_config_list(std::string_view value) {
  std::vector<std::string> entries;
  for (std::size_t from = 0; from < value.size();) {
    const auto end = entry_end(value, from);
    if (const auto entry = trim(value.substr(from, end - from)); !entry.empty())
      entries.push_back(unquote_entry(entry));
    from = end + 1;
  }
  return entries;
}

}  // namespace pgkeel::pg
