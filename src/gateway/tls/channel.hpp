// One TLS connection over buffers: ciphertext in, plaintext out, and the other way. No descriptor.
// Ciphertext is read from where it lies and written behind the owner's buffer.
// It guarantees: nothing is plaintext before the handshake is over, and over means: the peer is
// verified as its context says, and has agreed on ALPN where it came without a request; after an
// error nothing more is read, and what the peer should be told of it has been appended. Idle it
// holds no records: 15 kB of heap on the server's side and 18 kB on the client's (OpenSSL 3.0.19).
#pragma once

#include <optional>

#include "gateway/tls/context.hpp"
#include "gateway/tls_opening.hpp"
#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

class TlsChannel {
 public:
  enum class State : std::uint8_t {
    Handshaking,
    Open,
    Closed,  ///< the peer has said so: what it sent before is complete
    Failed,
  };

  /// The server's side, for a client that came in. Failed: out of memory.
  [[nodiscard]] static Result<TlsChannel> accept(const TlsContext& server, TlsOpening opening);
  /// The client's side. `host`: a name, or an address; what TlsVerify::Full compares. Failed.
  [[nodiscard]] static Result<TlsChannel> connect(const TlsContext& client, const std::string& host,
                                                  TlsOpening opening);

  /// Appends what opens the handshake; nothing on the server's side.
  [[nodiscard]] Result<void> start(pg::wire::ByteBuffer& out);
  /// Decrypts from the front of `ciphertext`, which it takes, into `room`: what lies there then.
  /// To be called until it gives nothing, which means that all was taken. `out` gets what is to be
  /// sent: of the handshake, an alert. AuthFailed: the peer is not verified; ConnectionFailed:
  /// whatever else ends it.
  [[nodiscard]] Result<ByteSpan> receive(ByteSpan& ciphertext, std::span<std::byte> room,
                                         pg::wire::ByteBuffer& out);
  /// Encrypts all of it, while it is open. ConnectionFailed.
  [[nodiscard]] Result<void> send(ByteSpan plaintext, pg::wire::ByteBuffer& out);
  /// Appends close_notify, where that makes sense; nothing is to be sent afterwards.
  void close(pg::wire::ByteBuffer& out);

  [[nodiscard]] State state() const { return state_; }
  /// Of the server's certificate, on the client's side, once open; empty where it has none.
  [[nodiscard]] std::string peer_end_point() const;
  /// "TLSv1.3/TLS_AES_256_GCM_SHA384", once open.
  [[nodiscard]] std::string cipher() const;
  /// Of the client's certificate, on the server's side, once open; nothing without a certificate,
  /// or with a name that has a NUL in it.
  [[nodiscard]] std::optional<std::string> peer_common_name() const;

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  TlsChannel(SSL* tls, TlsOpening opening) : tls_(tls), opening_(opening) {}

  [[nodiscard]] static Result<TlsChannel> create(const TlsContext& context, TlsOpening opening);
  [[nodiscard]] Result<void> shake_hands();
  [[nodiscard]] Result<void> check_protocol();
  [[nodiscard]] std::unexpected<Error> failed(std::string_view what);

  std::unique_ptr<SSL, Free> tls_;
  TlsOpening opening_;
  State state_ = State::Handshaking;
};

}  // namespace pgkeel::gateway
