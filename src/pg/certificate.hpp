// A certificate as the server's ssl_cert_file holds it: until when it is valid. The server itself
// never looks (be-secure-openssl.c loads it and no more); its clients do.
// It guarantees: no I/O; bounded by the text it is given.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::pg {

/// Of the first certificate in the text, which is the server's own. Malformed when there is none.
[[nodiscard]] Result<WallTime> certificate_ends(std::string_view pem);

}  // namespace pgkeel::pg
