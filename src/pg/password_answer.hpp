// The older answer to a request for a password, which managed servers still ask for: MD5. Whoever
// is asked for it in clear sends the password itself.
// https://www.postgresql.org/docs/current/protocol-flow.html (AuthenticationMD5Password)
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::pg {

/// "md5" and 32 hexadecimal digits, as pg_authid keeps it. Failed: OpenSSL has no MD5.
[[nodiscard]] Result<std::string> md5_verifier(std::string_view user, std::string_view password);
/// The answer to a server that sent `salt`, from what md5_verifier() makes. Malformed: it is no
/// such verifier; Failed.
[[nodiscard]] Result<std::string> md5_answer(std::string_view verifier, std::string_view salt);

}  // namespace pgkeel::pg
