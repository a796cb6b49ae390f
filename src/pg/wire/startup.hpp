// What may open a connection: a request for encryption, a request to cancel, or a session's
// start-up message; none of them has a type byte. Read in place, and written.
// It guarantees: a packet is taken and refused as ProcessStartupPacket() of the server does it,
// lengths before contents; parameters keep their order and their duplicates.
// https://www.postgresql.org/docs/current/protocol-flow.html
#pragma once

#include <variant>

#include "pg/wire/frame.hpp"
#include "pg/wire/login_messages.hpp"

namespace pgkeel::pg::wire {

/// MAX_STARTUP_PACKET_LENGTH, which does not count the length itself.
inline constexpr std::size_t kStartupBytesMax = 10'000 + kLengthBytes;

struct ProtocolVersion {
  std::uint16_t major = 3;
  std::uint16_t minor = 0;
  [[nodiscard]] std::uint32_t code() const { return std::uint32_t{major} << 16U | minor; }
  [[nodiscard]] static ProtocolVersion of(std::uint32_t code) {
    return {static_cast<std::uint16_t>(code >> 16U), static_cast<std::uint16_t>(code)};
  }
  friend auto operator<=>(const ProtocolVersion&, const ProtocolVersion&) = default;
};

struct TlsRequest {};
struct GssEncryptionRequest {};

struct CancelRequest {
  std::uint32_t process_id = 0;
  std::string_view key;  ///< 4 to 256 bytes
};

struct StartupParameter {
  std::string_view name;
  std::string_view value;
};
void take(FieldReader& from, StartupParameter& parameter);

struct StartupMessage {
  ProtocolVersion version;  ///< of major 3
  WireList<StartupParameter> parameters;

  /// The last one of that name, which is the one that counts; nothing when there is none.
  [[nodiscard]] Value find(std::string_view name) const;
};

using StartupPacket = std::variant<TlsRequest, GssEncryptionRequest, CancelRequest, StartupMessage>;

/// Whether a TLS client is speaking, without having asked: PostgreSQL 17's direct TLS. Such bytes
/// are no packet, and whoever speaks so must offer the ALPN protocol "postgresql".
[[nodiscard]] bool begins_tls(ByteSpan received);

/// Of the packet that begins in `received`: how many bytes it has in all; nothing while its length
/// has not come. Malformed: longer or shorter than any packet.
[[nodiscard]] Result<std::optional<std::size_t>> startup_bytes(ByteSpan received);

/// A whole packet, its length included. Malformed; Refused: a protocol version other than 3.
/// Bytes behind a request for encryption must not have come: whoever finds some refuses them
/// (CVE-2021-23214).
[[nodiscard]] Result<StartupPacket> decode_startup(ByteSpan packet);

void append(ByteBuffer& out, TlsRequest request);
void append(ByteBuffer& out, GssEncryptionRequest request);
void append(ByteBuffer& out, const CancelRequest& request);

/// `parameters`: a range of StartupParameter. The server refuses names that are empty.
template <class Parameters>
void append_startup(ByteBuffer& out, ProtocolVersion version, const Parameters& parameters) {
  MessageWriter writer(out);
  writer.number(version.code());
  for (const auto& [name, value] : parameters) writer.text(name).text(value);
  writer.number('\0');
}

}  // namespace pgkeel::pg::wire
