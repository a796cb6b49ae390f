// How a connection comes to TLS: asked for by a packet, or at once, as since PostgreSQL 17.
#pragma once

#include <cstdint>

namespace pgkeel::gateway {

/// Direct: without a request, and then the ALPN protocol "postgresql" is a must.
enum class TlsOpening : std::uint8_t { Requested, Direct };

}  // namespace pgkeel::gateway
