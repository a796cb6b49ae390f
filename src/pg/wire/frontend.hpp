// What a client says over the wire protocol, version 3, cut out of a stream of bytes. Sans I/O:
// bytes come in any pieces, messages go out.
// It guarantees: memory is bounded by the limits below; a length that cannot be is an error, and
// nothing is read behind it. https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pgkeel::pg {

/// MAX_STARTUP_PACKET_LENGTH: what the server itself takes.
inline constexpr std::size_t kStartupBytesMax = 10'000;

struct StartupPacket {
  enum class Kind { Session, Tls, GssEncryption, Cancel } kind = Kind::Session;
  std::map<std::string, std::string> parameters;  ///< of a session: user, database, replication...
};

struct FrontendMessage {
  char type = 0;
  ByteSpan body;  ///< valid until the reader is fed or asked again
};

class FrontendReader {
 public:
  /// `message_bytes_max`: of one message's body.
  explicit FrontendReader(std::size_t message_bytes_max) : bytes_max_(message_bytes_max) {}

  void feed(ByteSpan bytes);
  /// While the session has not begun; nothing while it is not all there. Malformed, Refused
  /// (another protocol version).
  [[nodiscard]] Result<std::optional<StartupPacket>> next_startup();
  /// Afterwards. Malformed.
  [[nodiscard]] Result<std::optional<FrontendMessage>> next();

 private:
  [[nodiscard]] ByteSpan left() const { return ByteSpan(buffer_).subspan(used_); }

  std::size_t bytes_max_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
};

/// A message's body that is one string: a query, or why a copy was given up. Malformed when it does
/// not end with its NUL.
[[nodiscard]] Result<std::string> string_body(ByteSpan body);

}  // namespace pgkeel::pg
