// One connection to the server, through TLS where the settings want it, from connecting through its
// login: what servers of a pool (server.hpp) and replication sessions (replication_line.hpp) have
// in common.
// It guarantees: whoever owns it is told once that it is open, and once that it is lost; what the
// server says comes in clear to take(), what is written goes out as it is to.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/relay/loop.hpp"
#include "gateway/relay/settings.hpp"
#include "gateway/relay/tls_line.hpp"
#include "gateway/session/refusal.hpp"
#include "gateway/session/server_login.hpp"

namespace pgkeel::gateway {

class Worker;

class ServerLine : public StreamOwner {
 public:
  /// Failed: no socket, or nobody listens there.
  [[nodiscard]] Result<void> connect();

  void on_bytes(ByteSpan bytes) final;
  void on_flush() final;
  void on_connected(int error) final;

  /// As Loop::send() and send_copy().
  void write(ByteSpan bytes);
  void write_copy(ByteSpan bytes);

  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] bool ready() const { return !login_; }
  /// Where it is, which the others may not be any more.
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  /// How it came to TLS; null where it did not.
  [[nodiscard]] std::shared_ptr<const ServerTlsTerms> tls_terms() const {
    return tls_ ? tls_terms_ : nullptr;
  }
  /// "TLSv1.3/...", empty without.
  [[nodiscard]] std::string cipher() const { return tls_ ? tls_->cipher() : ""; }
  /// What cancels what it does.
  [[nodiscard]] const std::optional<CancelKey>& cancel_key() const { return cancel_key_; }

 protected:
  /// Of `terms` it fills in what it knows itself: TLS and the nonce.
  ServerLine(Worker& worker, ServerTerms terms);
  ~ServerLine();

  /// Logged in; `behind` is what the server has said since, valid during the call.
  virtual void opened(const ServerReady& ready, ByteSpan behind) = 0;
  virtual void take(ByteSpan bytes) = 0;
  /// To be closed; `why` where it is not the server's own word that was passed on already.
  virtual void lost(const std::optional<Refusal>& why) = 0;
  /// Keys that a password was made into: they save the next connection the work.
  virtual void derived(ScramPass) {}

  Worker& worker_;
  Stream stream_{*this};

 private:
  void begin_tls();
  void decrypt(ByteSpan bytes);
  void said(ByteSpan bytes);
  void log_in(ServerStep step);
  void logged_in(const ServerReady& ready);

  std::unique_ptr<ServerLogin> login_;
  ByteBuffer login_out_;
  SocketAddress address_;
  std::shared_ptr<const ServerTlsTerms> tls_terms_;
  std::unique_ptr<TlsLine> tls_;
  std::optional<CancelKey> cancel_key_;
};

}  // namespace pgkeel::gateway
