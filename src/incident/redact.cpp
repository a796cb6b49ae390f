// One pass over the text: at each position the rules are tried in order; a rule says how much of
// the text it keeps in clear and how much it hides.
#include "incident/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace pgkeel::incident {
namespace {

// What a rule found at a position: `clear` bytes are copied, the next `hidden` become kMask.
struct Match {
  std::size_t clear = 0;
  std::size_t hidden = 0;
};
using Rule = std::optional<Match> (*)(std::string_view text, std::size_t at);

// A name that ends in one of these is followed by a secret.
constexpr auto kSecretNames = std::to_array<std::string_view>(
    {"password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "apikey", "api_key",
     "api-key", "access_key", "secret_key", "private_key", "credential", "credentials",
     "authorization"});

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-'; }
bool is_token(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '+' || c == '/' || c == '=' || c == '.' ||
         c == '~';
}
bool is_quote(char c) { return c == '\'' || c == '"'; }

bool same_letters(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(left[i])) !=
        std::tolower(static_cast<unsigned char>(right[i])))
      return false;
  return true;
}

bool starts_at(std::string_view text, std::size_t at, std::string_view word) {
  return same_letters(text.substr(at, word.size()), word);
}

bool at_name_start(std::string_view text, std::size_t at) {
  return is_name(text[at]) && (at == 0 || !is_name(text[at - 1]));
}

template <class Accept>
std::size_t run_length(std::string_view text, std::size_t at, Accept accept) {
  auto end = at;
  while (end < text.size() && accept(text[end])) ++end;
  return end - at;
}

// Length of a quoted text from its opening quote, with \x and doubled quotes inside; to the end of
// the text when it is not closed.
std::size_t quoted_length(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (auto i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote) ++i;
    else if (text[i] == quote) return i + 1 - at;
  }
  return text.size() - at;
}

// The inside of a quoted text at `at`, `before` bytes after the start of the match.
Match quoted_match(std::string_view text, std::size_t at, std::size_t before) {
  const auto length = quoted_length(text, at);
  const bool closed = length >= 2 && text[at + length - 1] == text[at];
  return {before + 1, length - 1 - (closed ? 1 : 0)};
}

bool ends_value(char c) {
  return is_space(c) || is_quote(c) || c == '&' || c == ';' || c == ',' || c == ')' || c == '}' ||
         c == ']';
}

// password=x, "token": "x", PGPASSWORD = 'x y', Authorization: Bearer x
std::optional<Match> named_value(std::string_view text, std::size_t at) {
  if (!at_name_start(text, at)) return std::nullopt;
  const auto name = text.substr(at, run_length(text, at, is_name));
  bool secret = false;
  for (const auto listed : kSecretNames)
    secret = secret || (name.size() >= listed.size() &&
                        same_letters(name.substr(name.size() - listed.size()), listed));
  if (!secret) return std::nullopt;
  auto end = at + name.size();
  if (end < text.size() && is_quote(text[end])) ++end;  // a JSON key's closing quote
  end += run_length(text, end, is_space);
  if (end >= text.size() || (text[end] != '=' && text[end] != ':')) return std::nullopt;
  end += run_length(text, end, [](char c) { return c == '=' || c == ':' || c == '>'; });
  end += run_length(text, end, [](char c) { return c == ' ' || c == '\t'; });
  for (const std::string_view scheme : {"bearer ", "basic ", "token "})
    if (starts_at(text, end, scheme)) end += scheme.size();
  if (end >= text.size()) return std::nullopt;
  if (is_quote(text[end])) return quoted_match(text, end, end - at);
  // An unquoted value may hide quotes behind a backslash, as libpq reads it.
  auto stop = end;
  while (stop < text.size() && !ends_value(text[stop])) stop += text[stop] == '\\' ? 2 : 1;
  stop = std::min(stop, text.size());
  if (stop == end) return std::nullopt;
  return Match{end - at, stop - end};
}

// ALTER ROLE app PASSWORD 'x', PASSWORD E'x'
std::optional<Match> sql_password(std::string_view text, std::size_t at) {
  constexpr std::string_view kWord = "password";
  if (!at_name_start(text, at) || !starts_at(text, at, kWord)) return std::nullopt;
  auto end = at + kWord.size();
  const auto spaces = run_length(text, end, is_space);
  end += spaces;
  if (end + 1 < text.size() && (text[end] == 'E' || text[end] == 'e') && text[end + 1] == '\'')
    ++end;
  if (end >= text.size() || text[end] != '\'') return std::nullopt;
  return quoted_match(text, end, end - at);
}

// scheme://user:password@host. An '@' in the password that should have been %40 is hidden with it.
std::optional<Match> uri_password(std::string_view text, std::size_t at) {
  if (!starts_at(text, at, "://")) return std::nullopt;
  constexpr std::size_t kUriBytesMax = 512;  // keeps the whole pass linear
  const auto rest = text.substr(at + 3, kUriBytesMax);
  const auto token = rest.substr(0, run_length(rest, 0, [](char c) {
                                   return !is_space(c) && !is_quote(c) && c != '<' && c != '>';
                                 }));
  const bool postgres = at >= 8 && (starts_at(text, at - 8, "postgres") ||
                                    (at >= 10 && starts_at(text, at - 10, "postgresql")));
  auto at_sign = token.substr(0, token.find_first_of("/?#")).rfind('@');
  if (at_sign == std::string_view::npos && postgres)
    at_sign = token.substr(0, token.find('?')).rfind('@');
  const auto colon = token.find(':');
  if (at_sign == std::string_view::npos || colon > at_sign) return std::nullopt;
  return Match{3 + colon + 1, at_sign - colon - 1};
}

// SCRAM-SHA-256$4096:salt$stored:server, md5 and 32 hexadecimal digits
std::optional<Match> verifier(std::string_view text, std::size_t at) {
  if (!at_name_start(text, at)) return std::nullopt;
  constexpr std::string_view kScram = "SCRAM-SHA-256$";
  if (starts_at(text, at, kScram)) {
    const auto length = run_length(text, at + kScram.size(),
                                   [](char c) { return is_token(c) || c == '$' || c == ':'; });
    if (length == 0) return std::nullopt;
    return Match{kScram.size(), length};
  }
  constexpr std::size_t kMd5Digits = 32;
  if (!starts_at(text, at, "md5")) return std::nullopt;
  const auto digits = run_length(
      text, at + 3, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
  if (digits != kMd5Digits) return std::nullopt;
  return Match{3, kMd5Digits};
}

// Bearer eyJ..., outside a header
std::optional<Match> bearer(std::string_view text, std::size_t at) {
  constexpr std::string_view kWord = "Bearer ";
  constexpr std::size_t kTokenBytesMin = 8;  // shorter is prose
  if (!at_name_start(text, at) || !starts_at(text, at, kWord)) return std::nullopt;
  const auto length = run_length(text, at + kWord.size(), is_token);
  if (length < kTokenBytesMin) return std::nullopt;
  return Match{kWord.size(), length};
}

// 123456789:AA... as Telegram gives it, also behind /bot in a URL
std::optional<Match> telegram_token(std::string_view text, std::size_t at) {
  constexpr std::size_t kSecretBytesMin = 30;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) return std::nullopt;
  const auto digits = run_length(text, at, is_digit);
  const auto colon = at + digits;
  if (digits < 6 || colon >= text.size() || text[colon] != ':') return std::nullopt;
  const auto length = run_length(text, colon + 1, is_name);
  if (length < kSecretBytesMin) return std::nullopt;
  return Match{digits + 1, length};
}

// -----BEGIN ... PRIVATE KEY----- to its end, or to the end of the text
std::optional<Match> private_key(std::string_view text, std::size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kKey = "PRIVATE KEY-----";
  if (!starts_at(text, at, kBegin)) return std::nullopt;
  const auto label = at + kBegin.size();  // "RSA PRIVATE KEY-----", "ENCRYPTED PRIVATE KEY-----"
  const auto length = run_length(
      text, label, [](char c) { return (c >= 'A' && c <= 'Z') || c == ' ' || c == '-'; });
  const auto key = text.substr(label, length).find(kKey);
  if (key == std::string_view::npos) return std::nullopt;
  const auto clear = kBegin.size() + key + kKey.size();
  const auto end = text.find("-----END", at + clear);
  return Match{clear, (end == std::string_view::npos ? text.size() : end) - at - clear};
}

constexpr auto kRules = std::to_array<Rule>(
    {private_key, uri_password, named_value, sql_password, verifier, bearer, telegram_token});

}  // namespace

std::string redact(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    std::optional<Match> match;
    for (const auto rule : kRules)
      if (match = rule(text, at); match) break;
    if (!match) {
      shown += text[at++];
      continue;
    }
    shown += text.substr(at, match->clear);
    shown += kMask;
    // What follows a mask begins anew, as it will when the result is read again.
    text.remove_prefix(at + match->clear + match->hidden);
    at = 0;
  }
  return shown;
}

}  // namespace pgkeel::incident
