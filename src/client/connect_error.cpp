// See connect_error.hpp.
#include "client/connect_error.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "pg/sqlstate.hpp"

namespace pgkeel::client {
namespace {

constexpr std::size_t kSqlstateLength = 5;
constexpr std::size_t kDetailBytesMax = 1024;

struct KnownText {
  std::string_view text;
  std::string_view sqlstate;
};
constexpr auto kKnownTexts = std::to_array<KnownText>({
    {"the database system is ", "57P03"},  // starting up, shutting down, in recovery mode, ...
    {"too many clients already", "53300"},
    {"remaining connection slots are reserved", "53300"},
    {"too many connections for ", "53300"},
    {"password authentication failed", "28P01"},
    {"no pg_hba.conf entry", "28000"},
    {"pg_hba.conf rejects connection", "28000"},
});

// The position of the code in "SEVERITY:  CODE: message"; two spaces, as libpq writes it.
std::optional<std::size_t> find_sqlstate(std::string_view text) {
  constexpr std::string_view kBefore = ":  ";
  for (auto at = text.find(kBefore); at != std::string_view::npos;
       at = text.find(kBefore, at + 1)) {
    const std::size_t code = at + kBefore.size();
    const std::string_view rest = text.substr(code);
    if (rest.size() > kSqlstateLength && rest[kSqlstateLength] == ':' &&
        pg::is_sqlstate(rest.substr(0, kSqlstateLength)))
      return code;
  }
  return std::nullopt;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find('\n'), kDetailBytesMax));
}

std::string_view sqlstate_of_known_text(std::string_view text) {
  const auto known = std::ranges::find_if(
      kKnownTexts, [text](const KnownText& row) { return text.contains(row.text); });
  return known == kKnownTexts.end() ? std::string_view() : known->sqlstate;
}

}  // namespace

ConnectRefusal parse_connect_error(std::string_view text) {
  const auto code = find_sqlstate(text);
  if (!code)
    return {.sqlstate = std::string(sqlstate_of_known_text(text)),
            .detail = std::string(first_line(text))};
  std::string_view message = text.substr(*code + kSqlstateLength + 1);
  message.remove_prefix(std::min(message.find_first_not_of(' '), message.size()));
  return {.sqlstate = std::string(text.substr(*code, kSqlstateLength)),
          .detail = std::string(first_line(message))};
}

}  // namespace pgkeel::client
