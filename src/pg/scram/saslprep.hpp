// A password as SCRAM hashes it: SASLprep (RFC 4013), so that the same password typed on another
// keyboard is the same password.
#pragma once

#include <string_view>

#include "pg/scram/secret.hpp"

namespace pgkeel::pg {

/// Prepared, or as it is where it cannot be: no UTF-8, characters that are prohibited or were not
/// in Unicode 3.2, text of both directions, nothing left. So does PostgreSQL on either side
/// (scram_build_secret(), pg_fe_scram_init()); ASCII stays what it is, control characters too.
/// Not as PostgreSQL: text that begins or ends with an Arabic form that normalization opens with a
/// blank (U+FC5E and the like) is taken as it is.
[[nodiscard]] SecretText saslprep_or_raw(std::string_view password);

}  // namespace pgkeel::pg
