// A blocking socket that drives the gateway's logins, in clear or through TlsChannel: a test's own
// event loop. It reads a few bytes at a time, so that everything comes cut. What fails throws
// std::runtime_error.
#pragma once

#include <functional>
#include <stdexcept>

#include "gateway/session/client_login.hpp"
#include "gateway/session/server_login.hpp"
#include "gateway/tls/channel.hpp"

namespace pgkeel::test {

/// What receive() throws when the peer closes.
struct PeerGone : std::runtime_error {
  PeerGone() : std::runtime_error("login socket: the other side is gone") {}
};

class LoginSocket {
 public:
  /// Connects to 127.0.0.1:port.
  static LoginSocket connected(std::uint16_t port);
  /// As connected(), from this address of the loopback network: "127.0.0.2".
  static LoginSocket connected_from(const char* address, std::uint16_t port);
  /// Takes the socket.
  explicit LoginSocket(int fd) : fd_(fd) {}
  ~LoginSocket();
  LoginSocket(LoginSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}
  LoginSocket(const LoginSocket&) = delete;

  void send(pg::wire::ByteBuffer& out);
  /// Some bytes of plaintext, or what of the session is there; valid until the next call.
  ByteSpan receive();
  /// Shakes hands; `first`: what the peer has said of it already.
  void start_tls(gateway::TlsChannel channel, ByteSpan first = {});
  [[nodiscard]] gateway::TlsChannel& tls() { return *tls_; }
  /// Until the peer closes.
  void drain();

 private:
  ByteSpan receive_raw();
  ByteSpan decrypt();
  void send_raw(pg::wire::ByteBuffer& out);

  int fd_;
  std::optional<gateway::TlsChannel> tls_;
  std::array<std::byte, 7> raw_{};
  std::array<std::byte, 1000> plain_{};
  ByteSpan undecrypted_;
};

/// All that is said until the other side closes; what a reset takes with it is missing.
std::string last_words(LoginSocket& socket);

/// Listens on a free port of 127.0.0.1.
class LoginListener {
 public:
  LoginListener();
  ~LoginListener();
  LoginListener(const LoginListener&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] LoginSocket accepted() const;

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

using LoginFinder =
    std::function<std::optional<gateway::ClientVerifier>(const gateway::FindVerifier&)>;

/// Runs a ClientLogin to its end; the step that ends it, NeedBytes when the client leaves.
gateway::ClientStep prove_client(LoginSocket& socket, const gateway::ClientTerms& terms,
                                 const LoginFinder& find, const gateway::TlsContext* tls = nullptr);

/// Runs a ServerLogin to its end.
std::expected<gateway::ServerReady, gateway::ServerFailure> log_in(
    LoginSocket& socket, gateway::ServerTerms terms, const gateway::TlsContext* tls = nullptr);

}  // namespace pgkeel::test
