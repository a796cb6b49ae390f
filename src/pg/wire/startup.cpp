// See startup.hpp.
#include "pg/wire/startup.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire {
namespace {

constexpr std::uint16_t kMajor = 3;
constexpr std::uint32_t kCancel = 80'877'102;
constexpr std::uint32_t kTls = 80'877'103;
constexpr std::uint32_t kGssEncryption = 80'877'104;
/// Content type "handshake", with which a ClientHello begins. As a length it would be 350 MB.
constexpr std::byte kTlsHandshake{0x16};

Result<StartupPacket> take_cancel(FieldReader reader) {
  CancelRequest request;
  request.process_id = reader.number<std::uint32_t>();
  request.key = reader.rest();
  TRY_VOID(reader.finish("CancelRequest"));
  if (request.key.size() < backend::kCancelKeyLeast || request.key.size() > backend::kCancelKeyMost)
    return fail(ErrorCode::Malformed, fmt::format("a cancel key of {} bytes", request.key.size()));
  return request;
}

// Names and values by turns, an empty name at the very end.
Result<StartupPacket> take_session(ProtocolVersion version, FieldReader reader) {
  auto ahead = reader;
  std::size_t count = 0;
  for (; !ahead.text().empty(); ++count) static_cast<void>(ahead.text());
  StartupMessage message{version, WireList<StartupParameter>::taken(reader, count)};
  if (reader.number<char>() != '\0' || reader.failed() || reader.remaining() > 0)
    return fail(ErrorCode::Malformed, "a startup packet that does not end with its parameters");
  return message;
}

}  // namespace

void take(FieldReader& from, StartupParameter& parameter) {
  parameter.name = from.text();
  parameter.value = from.text();
}

Value StartupMessage::find(std::string_view name) const {
  Value found;
  for (const auto& parameter : parameters)
    if (parameter.name == name) found = parameter.value;
  return found;
}

bool begins_tls(ByteSpan received) { return !received.empty() && received[0] == kTlsHandshake; }

Result<std::optional<std::size_t>> startup_bytes(ByteSpan received) {
  if (received.size() < kLengthBytes) return std::nullopt;
  const auto length = FieldReader(received).number<std::uint32_t>();
  if (length < 2 * kLengthBytes || length > kStartupBytesMax)
    return fail(ErrorCode::Malformed, fmt::format("a startup packet of {} bytes", length));
  return length;
}

Result<StartupPacket> decode_startup(ByteSpan packet) {
  TRY(bytes, startup_bytes(packet));
  if (!bytes || *bytes != packet.size())
    return fail(ErrorCode::Malformed, "a startup packet that is not of its length");
  FieldReader reader(packet.subspan(kLengthBytes));
  const auto code = reader.number<std::uint32_t>();
  if (code == kCancel) return take_cancel(reader);
  if (code == kTls || code == kGssEncryption) {
    TRY_VOID(reader.finish("request for encryption"));
    return code == kTls ? StartupPacket(TlsRequest()) : StartupPacket(GssEncryptionRequest());
  }
  const auto version = ProtocolVersion::of(code);
  if (version.major != kMajor)
    return fail(ErrorCode::Refused,
                fmt::format("protocol version {}.{}", version.major, version.minor));
  return take_session(version, reader);
}

void append(ByteBuffer& out, TlsRequest) { MessageWriter(out).number(kTls); }

void append(ByteBuffer& out, GssEncryptionRequest) { MessageWriter(out).number(kGssEncryption); }

void append(ByteBuffer& out, const CancelRequest& request) {
  MessageWriter(out).number(kCancel).number(request.process_id).bytes(request.key);
}

}  // namespace pgkeel::pg::wire
