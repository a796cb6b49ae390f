// Where the messages of a stream begin and end, without assembling them: what a relay needs to
// forward a DataRow of a gigabyte piece by piece and still know the borders. Sans I/O, no memory
// but five bytes, no allocation.
// It guarantees: however the stream is cut, the same messages come out; a type that its side never
// sends, or a length that PostgreSQL itself would not take, is Malformed, and nothing is read
// behind it. https://www.postgresql.org/docs/current/protocol-overview.html
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pgkeel::pg::wire {

/// Whose stream it is: the same letter means another message from the other side.
enum class Sender : std::uint8_t { Frontend, Backend };

/// Type and length, which open every message once the session has begun.
inline constexpr std::size_t kHeaderBytes = 5;
/// The length counts itself.
inline constexpr std::size_t kLengthBytes = 4;

struct FrameHeader {
  char type = 0;
  std::uint32_t length = 0;  ///< as on the wire: of itself and the body

  [[nodiscard]] std::size_t message_bytes() const { return 1 + std::size_t{length}; }
  [[nodiscard]] std::size_t body_bytes() const { return length - kLengthBytes; }
};

/// What `type` is called in the protocol's documentation ("Bind"; "PasswordMessage" for all of
/// 'p'); empty when that side has no such message.
[[nodiscard]] std::string_view message_name(Sender sender, char type);

/// Reads the first kHeaderBytes of `bytes`, which must be there. Malformed: a type unknown from
/// that side, or a length out of its bounds. Those are of the server for what a client says
/// (SocketBackend() in postgres.c, PG_MAX_AUTH_TOKEN_LENGTH) and of libpq for what a server says
/// (pqParseInput3() in fe-protocol3.c), but for ParameterDescription, which may be longer.
[[nodiscard]] Result<FrameHeader> read_header(Sender sender, ByteSpan bytes);

/// As much of one message as lies in a chunk.
struct FramePiece {
  FrameHeader header;
  /// Bytes of the header that came with earlier chunks: to be forwarded before `bytes`. Only when
  /// it begins(), and valid until the cursor is asked again.
  ByteSpan carried;
  ByteSpan bytes;          ///< of this chunk: the header's rest when it begins(), then body
  std::size_t offset = 0;  ///< of `carried`, or else `bytes`, in the message: 0 is its type

  [[nodiscard]] bool begins() const { return offset == 0; }
  [[nodiscard]] bool ends() const {
    return offset + carried.size() + bytes.size() == header.message_bytes();
  }
  /// What of the body lies in this chunk.
  [[nodiscard]] ByteSpan body() const {
    return begins() ? bytes.subspan(kHeaderBytes - carried.size()) : bytes;
  }
};

/// Walks a stream that comes in chunks.
class FrameCursor {
 public:
  explicit FrameCursor(Sender sender) : sender_(sender) {}

  /// The next piece, cut off the front of `chunk`; nothing when the chunk is used up. A chunk that
  /// ends within a header leaves no piece: its bytes are `carried` by the next one. After an error
  /// (see read_header) the stream has no borders any more and the cursor is of no use.
  [[nodiscard]] Result<std::optional<FramePiece>> next(ByteSpan& chunk);
  /// Whether the stream so far ends where a message ends.
  [[nodiscard]] bool between_messages() const { return left_ == 0 && held_bytes_ == 0; }
  /// Of the message whose header came last, bytes that have not come yet.
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  [[nodiscard]] Result<std::optional<FramePiece>> begin(ByteSpan& chunk);
  [[nodiscard]] Result<std::optional<FramePiece>> begin_carried(ByteSpan& chunk);
  [[nodiscard]] FramePiece cut(ByteSpan& chunk, std::size_t offset, ByteSpan carried);

  Sender sender_;
  std::uint8_t held_bytes_ = 0;
  std::array<std::byte, kHeaderBytes> held_{};  ///< a header that has not all come
  FrameHeader header_;
  std::size_t left_ = 0;
};

}  // namespace pgkeel::pg::wire
