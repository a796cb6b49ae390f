// A blocking socket that speaks the wire protocol with the codec, with TLS or without: a test's own
// client of a server, or server of a client.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "pg/wire/message_reader.hpp"

namespace pgkeel::test {

class WirePeer {
 public:
  /// Connects to 127.0.0.1:port, where a server is. Throws std::runtime_error, as everything here.
  explicit WirePeer(std::uint16_t port);
  /// Of a client that was accepted; takes the socket.
  static WirePeer accepted(int fd) { return WirePeer(fd, pg::wire::Sender::Frontend); }
  ~WirePeer();
  WirePeer(WirePeer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)), reader_(other.reader_) {}
  WirePeer(const WirePeer&) = delete;

  /// Asks the server for TLS and takes it up; what is bound to it.
  std::string start_tls();
  void send(const pg::wire::ByteBuffer& bytes);
  /// The next whole message; valid until the next call.
  pg::wire::Message receive();
  pg::wire::StartupPacket receive_startup();

 private:
  WirePeer(int fd, pg::wire::Sender sender) : fd_(fd), reader_(sender, 1U << 20U) {}
  void fill();

  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  int fd_;
  std::unique_ptr<SSL, Free> tls_;
  pg::wire::MessageReader reader_;
};

}  // namespace pgkeel::test
