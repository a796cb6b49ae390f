// Puts a message together from the pieces a FrameCursor cuts, where the whole of it is wanted: a
// Parse to be remembered, an error to be looked at. One that lies in one chunk is not copied.
// It guarantees: nothing longer than its bound is ever held; one message at a time.
#pragma once

#include "pg/wire/frame.hpp"
#include "pg/wire/message_reader.hpp"

namespace pgkeel::pg::wire {

class MessageCollector {
 public:
  /// `body_bytes_max`: of one message.
  explicit MessageCollector(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Adds the next piece of a message, from the one that begins it; the message when it ends with
  /// it. Valid until the next piece is added or the piece's chunk goes. Malformed: longer than the
  /// bound, which shows at its first piece; whoever may not refuse it looks at its header before.
  [[nodiscard]] Result<std::optional<Message>> add(const FramePiece& piece);
  /// Bytes of the message under way, or of the last one that was put together.
  [[nodiscard]] std::size_t bytes_held() const { return body_.size(); }
  /// Gives the buffer's memory back, where one message was much longer than most.
  void shrink() { ByteBuffer().swap(body_); }

 private:
  std::size_t body_bytes_max_;
  ByteBuffer body_;
};

}  // namespace pgkeel::pg::wire
