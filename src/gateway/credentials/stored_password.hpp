// A password as it is stored: in pg_authid, or in a password file. What may be proven with it, and
// to whom, differs: a SCRAM verifier proves clients only, an MD5 one proves to both sides, a plain
// password everything.
#pragma once

#include <variant>

#include "base/result.hpp"
#include "gateway/credentials/shared_secret.hpp"
#include "pg/scram/keys.hpp"

namespace pgkeel::gateway {

/// "md5" and 32 digits: whoever has it is the user, for servers that ask for MD5.
struct Md5Verifier {
  SharedSecret text;
};
struct PlainPassword {
  SharedSecret text;
};

using StoredPassword = std::variant<pg::ScramVerifier, Md5Verifier, PlainPassword>;

/// Told apart as get_password_type() of src/backend/libpq/crypt.c does it: what is no verifier is a
/// plain password. Malformed: it says it is a SCRAM verifier and is none; it is empty, which proves
/// nobody. The error does not repeat it.
[[nodiscard]] Result<StoredPassword> parse_stored_password(std::string_view text);

}  // namespace pgkeel::gateway
