// See wire_peer.hpp.
#include "integration/pg/wire_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "pg/certificate.hpp"

namespace pgkeel::test {
namespace {

using namespace pg::wire;

template <class Got>
auto must(Result<Got> got) {
  if (!got) throw std::runtime_error(got.error().message());
  return *std::move(got);
}

int connected(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  throw std::runtime_error("wire peer: cannot connect");
}

std::string end_point_of(SSL* tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(tls),
                                                                X509_free);
  std::vector<unsigned char> der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  auto* out = der.data();
  i2d_X509(certificate.get(), &out);
  return must(pg::tls_server_end_point(std::as_bytes(std::span(der))));
}

}  // namespace

WirePeer::WirePeer(std::uint16_t port) : WirePeer(connected(port), Sender::Backend) {}

WirePeer::~WirePeer() {
  if (fd_ >= 0) ::close(fd_);
}

std::string WirePeer::start_tls() {
  ByteBuffer request;
  append(request, TlsRequest());
  send(request);
  char answer = 0;
  if (::recv(fd_, &answer, 1, 0) != 1 || answer != 'S')
    throw std::runtime_error("wire peer: no TLS");
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  tls_.reset(SSL_new(context.get()));
  SSL_set_fd(tls_.get(), fd_);
  if (SSL_connect(tls_.get()) != 1) throw std::runtime_error("wire peer: TLS failed");
  return end_point_of(tls_.get());
}

void WirePeer::send(const ByteBuffer& bytes) {
  const auto size = static_cast<int>(bytes.size());
  const auto sent = tls_ ? SSL_write(tls_.get(), bytes.data(), size)
                         : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != size) throw std::runtime_error("wire peer: cannot send");
}

Message WirePeer::receive() {
  while (true) {
    const auto message = must(reader_.next());
    if (message) return *message;
    fill();
  }
}

StartupPacket WirePeer::receive_startup() {
  while (true) {
    const auto packet = must(reader_.next_startup());
    if (packet) return *packet;
    fill();
  }
}

void WirePeer::fill() {
  std::array<std::byte, 8192> chunk{};
  const auto count = tls_ ? SSL_read(tls_.get(), chunk.data(), static_cast<int>(chunk.size()))
                          : ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (count <= 0) throw std::runtime_error("wire peer: the other side is gone");
  reader_.feed(ByteSpan(chunk).first(static_cast<std::size_t>(count)));
}

}  // namespace pgkeel::test
