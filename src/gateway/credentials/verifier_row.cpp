// See verifier_row.hpp.
#include "gateway/credentials/verifier_row.hpp"

#include <charconv>

namespace pgkeel::gateway {
namespace {

constexpr std::size_t kColumns = 3;
/// The year 292277 for a clock of microseconds.
constexpr std::int64_t kSecondsMost = 9'000'000'000'000;

std::unexpected<Error> malformed() {
  return fail(ErrorCode::Malformed, "an answer about a user that is not what was asked for");
}

}  // namespace

Result<StoredRole> read_verifier_row(const pg::wire::backend::DataRow& row) {
  if (row.values.size() != kColumns) return malformed();
  auto column = row.values.begin();
  StoredRole role;
  if (const auto verifier = *column++) {
    auto password = parse_stored_password(*verifier);
    // pg_authid has verifiers only: what looks like a password in clear proves nobody.
    if (password && !std::holds_alternative<PlainPassword>(*password))
      role.password = *std::move(password);
  }
  if (const auto until = *column++) {
    std::int64_t seconds = 0;
    const auto [end, error] =
        std::from_chars(until->data(), until->data() + until->size(), seconds);
    if (error != std::errc() || end != until->data() + until->size() || seconds < 0)
      return malformed();
    role.valid_until = WallTime{Seconds(std::min(seconds, kSecondsMost))};
  }
  const auto can_login = *column;
  if (can_login != "t" && can_login != "f") return malformed();
  role.can_login = can_login == "t";
  return role;
}

}  // namespace pgkeel::gateway
