// A certificate as the server's ssl_cert_file holds it: until when it is valid. The server itself
// never looks (be-secure-openssl.c loads it and no more); its clients do. And what SCRAM binds to
// it. It guarantees: no I/O; bounded by the text it is given.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::pg {

/// Of the first certificate in the text, which is the server's own. Malformed when there is none.
[[nodiscard]] Result<WallTime> certificate_ends(std::string_view pem);

/// The channel binding "tls-server-end-point" (RFC 5929) of a server's certificate in DER: its hash
/// by the algorithm it is signed with, SHA-256 for MD5 and SHA-1. Malformed when it is none;
/// NotSupported when the signature names no hash (Ed25519), as for the server itself.
[[nodiscard]] Result<std::string> tls_server_end_point(ByteSpan der);

}  // namespace pgkeel::pg
