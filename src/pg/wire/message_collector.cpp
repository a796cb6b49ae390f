// See message_collector.hpp.
#include "pg/wire/message_collector.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire {

Result<std::optional<Message>> MessageCollector::add(const FramePiece& piece) {
  if (piece.begins()) {
    if (piece.header.body_bytes() > body_bytes_max_)
      return fail(ErrorCode::Malformed,
                  fmt::format("a message of kind '{}' and {} bytes where {} are allowed",
                              piece.header.type, piece.header.body_bytes(), body_bytes_max_));
    body_.clear();
    if (piece.ends()) return Message{piece.header.type, piece.body()};
  }
  put_bytes(body_, piece.body());
  if (!piece.ends()) return std::nullopt;
  return Message{piece.header.type, body_};
}

}  // namespace pgkeel::pg::wire
