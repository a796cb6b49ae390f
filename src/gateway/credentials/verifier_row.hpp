// What the gateway asks a server about a user, and how it reads the answer: the function is what
// `pgkeel protect --apply` installs (src/maintain/gateway_sql.hpp).
// It guarantees: the question names everything by its schema and its type, so that no search_path
// changes what is asked; it is to be asked in a session of the gateway's own, in which no client's
// setting was ever made (CVE-2025-12819).
#pragma once

#include <optional>

#include "base/time.hpp"
#include "gateway/credentials/stored_password.hpp"
#include "pg/wire/backend_messages.hpp"

namespace pgkeel::gateway {

/// $1: the user, as text. One row, or none for a user who is not there.
inline constexpr std::string_view kVerifierQuery =
    "select v.verifier, v.valid_until, v.can_login "
    "from pgkeel.gateway_verifier($1::pg_catalog.text) v";

struct StoredRole {
  /// Nothing: it has none, or one that is not handed out.
  std::optional<StoredPassword> password;
  std::optional<WallTime> valid_until;
  bool can_login = false;

  /// Whether the password proves it now: else it is to look like a wrong one (CVE-2025-2291).
  [[nodiscard]] bool may_log_in(WallTime now) const {
    return can_login && password && (!valid_until || now < *valid_until);
  }
};

/// In text format. Malformed: other columns than were asked for; a verifier that is none is said to
/// be none, as by the server.
[[nodiscard]] Result<StoredRole> read_verifier_row(const pg::wire::backend::DataRow& row);

}  // namespace pgkeel::gateway
