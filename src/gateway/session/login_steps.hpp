// What either login asks of whoever owns the connection, and what both hand over.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gateway/tls_opening.hpp"
#include "pg/wire/options.hpp"

namespace pgkeel::gateway {

/// Send what was appended, then read on.
struct NeedBytes {};

/// Send what was appended, then shake hands; what comes out of TLS is fed to the login again, after
/// its begun_tls(). Direct: the bytes just fed are the handshake's and were left alone.
struct BeginTls {
  TlsOpening opening = TlsOpening::Requested;
};

/// A server's answer to a request for TLS: it comes alone.
inline constexpr std::byte kTlsYes{'S'};

/// Names and values as a start-up message or ParameterStatus has them, in their order: the last of
/// a name counts.
using Parameters = std::vector<pg::wire::Setting>;

/// The one setting of a start-up message that clients of one pool may differ in.
inline constexpr std::string_view kApplicationName = "application_name";

/// Another kind of session than SQL alone.
enum class Replication : std::uint8_t { None, Physical, Logical };

}  // namespace pgkeel::gateway
