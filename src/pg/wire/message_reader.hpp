// Whole messages, cut out of a stream that comes in any pieces: for sessions whose messages are
// short and wanted entire. A relay of large ones walks them with frame.hpp instead. Sans I/O.
// It guarantees: memory is bounded by the limits below; a length that cannot be is an error, and
// nothing is read behind it.
#pragma once

#include "pg/wire/frame.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::pg::wire {

struct Message {
  char type = 0;
  ByteSpan body;  ///< valid until the reader is fed
};

class MessageReader {
 public:
  /// `body_bytes_max`: of one message.
  MessageReader(Sender sender, std::size_t body_bytes_max)
      : sender_(sender), body_bytes_max_(body_bytes_max) {}

  void feed(ByteSpan bytes);
  /// While a client's session has not begun; nothing while it is not all there. What it views is
  /// valid until the reader is fed. Malformed, Refused (another protocol version).
  [[nodiscard]] Result<std::optional<StartupPacket>> next_startup();
  /// Afterwards. Malformed.
  [[nodiscard]] Result<std::optional<Message>> next();
  /// What has come and was not taken.
  [[nodiscard]] ByteSpan left() const { return ByteSpan(buffer_).subspan(used_); }

 private:
  Sender sender_;
  std::size_t body_bytes_max_;
  ByteBuffer buffer_;
  std::size_t used_ = 0;
};

}  // namespace pgkeel::pg::wire
