// See message_reader.hpp.
#include "pg/wire/message_reader.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire {

void MessageReader::feed(ByteSpan bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ = 0;
  put_bytes(buffer_, bytes);
}

Result<std::optional<StartupPacket>> MessageReader::next_startup() {
  TRY(bytes, startup_bytes(left()));
  if (!bytes || left().size() < *bytes) return std::nullopt;
  TRY(packet, decode_startup(left().first(*bytes)));
  used_ += *bytes;
  return packet;
}

Result<std::optional<Message>> MessageReader::next() {
  if (left().size() < kHeaderBytes) return std::nullopt;
  TRY(header, read_header(sender_, left()));
  if (header.body_bytes() > body_bytes_max_)
    return fail(ErrorCode::Malformed, fmt::format("a {} message of {} bytes where {} are allowed",
                                                  message_name(sender_, header.type),
                                                  header.body_bytes(), body_bytes_max_));
  if (left().size() < header.message_bytes()) return std::nullopt;
  const Message message{header.type, left().subspan(kHeaderBytes, header.body_bytes())};
  used_ += header.message_bytes();
  return message;
}

}  // namespace pgkeel::pg::wire
