// The text of SCRAM messages: attributes "a=value" with commas between them, and the header about
// channel binding before the first. RFC 5802 section 7; src/backend/libpq/auth-scram.c.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "pg/scram/keys.hpp"

namespace pgkeel::pg {

/// PG_MAX_SASL_MESSAGE_LENGTH: no message of either side is longer.
inline constexpr std::size_t kScramMessageBytesMost = 1024;

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";
inline constexpr std::string_view kScramSha256Plus = "SCRAM-SHA-256-PLUS";
/// The only kind of channel binding PostgreSQL has.
inline constexpr std::string_view kServerEndPoint = "tls-server-end-point";

struct ScramAttribute {
  char name = 0;
  std::string_view value;
};

/// Reads a message from its front. Every error is Malformed and repeats no value.
class ScramReader {
 public:
  /// Malformed: empty, too long, or with a NUL in it.
  [[nodiscard]] static Result<ScramReader> create(std::string_view message);

  /// The next attribute, which must be that one.
  [[nodiscard]] Result<std::string_view> value(char name);
  [[nodiscard]] Result<ScramAttribute> any();
  /// Takes `text` where the message goes on with it.
  [[nodiscard]] bool skip(std::string_view text);
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] Result<void> finish() const;

 private:
  explicit ScramReader(std::string_view message) : rest_(message) {}

  std::string_view rest_;
};

/// Characters a nonce may have.
[[nodiscard]] bool is_scram_printable(std::string_view text);
/// From random bytes, of which PostgreSQL takes 18.
[[nodiscard]] std::string scram_nonce(ByteSpan random);
/// What "c=" has: the header and, with channel binding, the end point, in base64.
[[nodiscard]] std::string scram_binding(std::string_view header, std::string_view end_point);
/// A key in base64, as "p=" and "v=" have it. Malformed.
[[nodiscard]] Result<ScramKey> scram_key_of(std::string_view base64);

}  // namespace pgkeel::pg
