// What a server says while a client logs in: authentication requests of every kind, the key that
// cancels, and which protocol it speaks. Views into the body, as in backend_messages.hpp.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include "pg/wire/writer.hpp"

namespace pgkeel::pg::wire::backend {

struct Authentication {
  static constexpr char kType = 'R';
  enum class Kind : std::uint32_t {
    Ok = 0,
    KerberosV5 = 2,  ///< no server does any more
    CleartextPassword = 3,
    Md5Password = 5,    ///< `bytes` is the salt, of four bytes
    ScmCredential = 6,  ///< no server does any more
    Gss = 7,
    GssContinue = 8,
    Sspi = 9,
    Sasl = 10,          ///< `mechanisms`
    SaslContinue = 11,  ///< `bytes` is the mechanism's
    SaslFinal = 12,     ///< `bytes` is the mechanism's
  };
  Kind kind = Kind::Ok;
  std::string_view bytes;
  WireList<std::string_view> mechanisms;
  /// Malformed, and Refused for a kind nobody knows.
  [[nodiscard]] static Result<Authentication> decode(ByteSpan body);
};
/// "gss", "scm_credential": for an error that says what is not supported.
[[nodiscard]] std::string_view to_string(Authentication::Kind kind);

/// Lengths of a cancel key: 4 in protocol 3.0, up to 256 in 3.2.
inline constexpr std::size_t kCancelKeyLeast = 4;
inline constexpr std::size_t kCancelKeyMost = 256;

struct BackendKeyData {
  static constexpr char kType = 'K';
  std::uint32_t process_id = 0;
  std::string_view key;
  [[nodiscard]] static Result<BackendKeyData> decode(ByteSpan body);
};

struct NegotiateProtocolVersion {
  static constexpr char kType = 'v';
  /// That the server will speak, major version in the upper half: servers send all of it, though
  /// the documentation speaks of the newest minor one.
  std::uint32_t version = 0;
  WireList<std::string_view> unknown_options;
  [[nodiscard]] static Result<NegotiateProtocolVersion> decode(ByteSpan body);
};

/// One of a kind without, or with bytes behind it. CHECKs that it is not Sasl.
void append_authentication(ByteBuffer& out, Authentication::Kind kind, std::string_view bytes = {});
void append(ByteBuffer& out, const BackendKeyData& message);

/// `mechanisms`: a range of std::string_view, the one the server likes best first.
template <class Mechanisms>
void append_sasl(ByteBuffer& out, const Mechanisms& mechanisms) {
  MessageWriter writer(out, Authentication::kType);
  writer.number(static_cast<std::uint32_t>(Authentication::Kind::Sasl));
  for (const auto& mechanism : mechanisms) writer.text(mechanism);
  writer.text("");
}
/// `options`: a range of std::string_view.
template <class Options>
void append_negotiate(ByteBuffer& out, std::uint32_t version, const Options& options) {
  MessageWriter writer(out, NegotiateProtocolVersion::kType);
  writer.number(version).number(static_cast<std::uint32_t>(options.size()));
  for (const auto& option : options) writer.text(option);
}

}  // namespace pgkeel::pg::wire::backend
