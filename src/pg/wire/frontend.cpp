// See frontend.hpp.
#include "pg/wire/frontend.hpp"

#include <fmt/format.h>

namespace pgkeel::pg {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHeaderBytes = 5;  // type and length
constexpr std::uint32_t kProtocol = 3;
constexpr std::uint32_t kCancel = 80'877'102;
constexpr std::uint32_t kTls = 80'877'103;
constexpr std::uint32_t kGssEncryption = 80'877'104;

std::string take_string(ByteReader& reader) {
  std::string text;
  for (auto byte = reader.read<char>(); byte != '\0' && !reader.failed();
       byte = reader.read<char>())
    text += byte;
  return text;
}

// Names and values by turns, an empty name at the end.
Result<StartupPacket> read_session(ByteReader reader) {
  StartupPacket packet;
  while (true) {
    auto name = take_string(reader);
    if (reader.failed()) return fail(ErrorCode::Malformed, "a startup packet without its end");
    if (name.empty()) return packet;
    packet.parameters[std::move(name)] = take_string(reader);
  }
}

Result<StartupPacket> read_startup(ByteSpan body) {
  ByteReader reader(body);
  const auto code = reader.read_be<std::uint32_t>();
  using Kind = StartupPacket::Kind;
  if (code == kTls) return StartupPacket{Kind::Tls, {}};
  if (code == kGssEncryption) return StartupPacket{Kind::GssEncryption, {}};
  if (code == kCancel) return StartupPacket{Kind::Cancel, {}};
  if (code >> 16U != kProtocol)
    return fail(ErrorCode::Refused,
                fmt::format("protocol version {}.{}", code >> 16U, code & 0xFFFFU));
  return read_session(reader);
}

}  // namespace

void FrontendReader::feed(ByteSpan bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<StartupPacket>> FrontendReader::next_startup() {
  if (left().size() < kLengthBytes) return std::nullopt;
  ByteReader header(left());
  const auto length = header.read_be<std::uint32_t>();
  if (length < 2 * kLengthBytes || length > kStartupBytesMax)
    return fail(ErrorCode::Malformed, fmt::format("a startup packet of {} bytes", length));
  if (left().size() < length) return std::nullopt;
  const auto body = left().first(length).subspan(kLengthBytes);
  used_ += length;
  TRY(packet, read_startup(body));
  return std::move(packet);
}

Result<std::optional<FrontendMessage>> FrontendReader::next() {
  if (left().size() < kHeaderBytes) return std::nullopt;
  ByteReader header(left());
  const auto type = header.read<char>();
  const auto length = header.read_be<std::uint32_t>();
  if (length < kLengthBytes || length - kLengthBytes > bytes_max_)
    return fail(ErrorCode::Malformed, fmt::format("a message of kind 0x{:02x} and {} bytes",
                                                  static_cast<unsigned char>(type), length));
  if (left().size() < 1 + std::size_t{length}) return std::nullopt;
  const FrontendMessage message{type, left().subspan(kHeaderBytes, length - kLengthBytes)};
  used_ += 1 + std::size_t{length};
  return message;
}

Result<std::string> string_body(ByteSpan body) {
  ByteReader reader(body);
  auto text = take_string(reader);
  if (reader.failed() || reader.remaining() > 0)
    return fail(ErrorCode::Malformed, "a message whose text does not end where it ends");
  return text;
}

}  // namespace pgkeel::pg
