// See password_file.hpp.
#include "gateway/credentials/password_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/session/client_request.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::string_view kFormHint =
    "A line of a password file is \"user\" \"password\", both in double quotes; a quote inside is "
    "doubled.";
constexpr std::string_view kPasswordHint =
    "The second text is a password, or what pg_authid has: SCRAM-SHA-256$... or md5 and 32 digits.";

std::unexpected<Error> syntax(std::size_t line, std::string_view what) {
  return fail(
      Error(ErrorCode::ConfigSyntax, fmt::format("line {}: {}", line, what)).with_hint(kFormHint));
}

std::unexpected<Error> bad_value(std::size_t line, std::string_view what) {
  return fail(Error(ErrorCode::ConfigBadValue, fmt::format("line {}: {}", line, what))
                  .with_hint(kPasswordHint));
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

/// What stands in quotes at the front, which is taken; nothing when it does not end.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string quoted;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '"') {
      quoted += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      quoted += text[at++];
    } else {
      text.remove_prefix(at + 1);
      return quoted;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<PasswordFile> PasswordFile::parse(std::string_view text) {
  if (text.size() > kPasswordFileBytesMost)
    return fail(ErrorCode::ConfigBadValue,
                fmt::format("a password file of more than {} bytes", kPasswordFileBytesMost));
  PasswordFile file;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    TRY_VOID(file.take_line(text.substr(0, end), number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return file;
}

Result<void> PasswordFile::take_line(std::string_view line, std::size_t number) {
  skip_blanks(line);
  if (line.empty() || line[0] == ';' || line[0] == '#') return {};
  if (line[0] != '"') return syntax(number, "does not begin with a user in double quotes");
  auto user = take_quoted(line);
  if (!user) return syntax(number, "the user's closing quote is missing");
  skip_blanks(line);
  if (!line.starts_with('"')) return syntax(number, "no password in double quotes after the user");
  const auto password = take_quoted(line);
  if (!password) return syntax(number, "the password's closing quote is missing");
  return add(*std::move(user), *password, number);
}

Result<void> PasswordFile::add(std::string user, std::string_view password, std::size_t number) {
  if (user.empty() || user.size() > kNameBytesMost || user.contains('\0'))
    return bad_value(number, fmt::format("a user's name has 1 to {} bytes", kNameBytesMost));
  if (password.empty() || password.size() > kPasswordBytesMost || password.contains('\0'))
    return bad_value(number, fmt::format("a password has 1 to {} bytes", kPasswordBytesMost));
  auto stored = parse_stored_password(password);
  if (!stored) return bad_value(number, stored.error().detail);
  const auto [at, added] = entries_.try_emplace(std::move(user), Entry{number, *std::move(stored)});
  if (!added)
    return syntax(number, fmt::format("names the user of line {} again", at->second.line));
  return {};
}

const StoredPassword* PasswordFile::find(std::string_view user) const {
  const auto at = entries_.find(user);
  return at == entries_.end() ? nullptr : &at->second.password;
}

}  // namespace pgkeel::gateway
