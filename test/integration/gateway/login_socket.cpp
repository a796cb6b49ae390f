// See login_socket.hpp.
#include "integration/gateway/login_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pgkeel::test {
namespace {

using namespace gateway;
using pg::wire::ByteBuffer;

/// Longer than any login of these tests, so that a mistake ends a test instead of hanging it.
constexpr timeval kPatience{20, 0};

template <class Got>
auto must(Result<Got> got) {
  if (!got) throw std::runtime_error(got.error().message());
  if constexpr (!std::is_void_v<Got>) return *std::move(got);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  return fd;
}

}  // namespace

LoginSocket LoginSocket::connected(std::uint16_t port) {
  LoginSocket made(new_socket());
  const auto address = loopback(port);
  if (::connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("login socket: cannot connect");
  return made;
}

LoginSocket LoginSocket::connected_from(const char* address, std::uint16_t port) {
  LoginSocket made(new_socket());
  auto source = loopback(0);
  const auto to = loopback(port);
  if (::inet_pton(AF_INET, address, &source.sin_addr) != 1 ||
      ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0 ||
      ::connect(made.fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("login socket: cannot connect");
  return made;
}

LoginSocket::~LoginSocket() {
  if (fd_ >= 0) ::close(fd_);
}

void LoginSocket::send_raw(ByteBuffer& out) {
  const auto sent = ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(out.size()))
    throw std::runtime_error("login socket: cannot send");
  out.clear();
}

void LoginSocket::send(ByteBuffer& out) {
  if (tls_) {
    ByteBuffer ciphertext;
    must(tls_->send(out, ciphertext));
    out.swap(ciphertext);
  }
  send_raw(out);
}

ByteSpan LoginSocket::receive_raw() {
  const auto count = ::recv(fd_, raw_.data(), raw_.size(), 0);
  if (count <= 0) throw PeerGone();
  return ByteSpan(raw_).first(static_cast<std::size_t>(count));
}

ByteSpan LoginSocket::decrypt() {
  ByteBuffer out;
  const auto plain = tls_->receive(undecrypted_, plain_, out);
  send_raw(out);
  return must(plain);
}

ByteSpan LoginSocket::receive() {
  if (!tls_) return receive_raw();
  while (true) {
    if (const auto plain = decrypt(); !plain.empty()) return plain;
    undecrypted_ = receive_raw();
  }
}

void LoginSocket::start_tls(TlsChannel channel, ByteSpan first) {
  tls_ = std::move(channel);
  ByteBuffer out;
  must(tls_->start(out));
  send_raw(out);
  undecrypted_ = first;
  while (decrypt().empty() && tls_->state() == TlsChannel::State::Handshaking)
    undecrypted_ = receive_raw();
}

void LoginSocket::drain() {
  try {
    while (true) static_cast<void>(receive());
  } catch (const PeerGone&) {
    // That is the end which was waited for.
  }
}

std::string last_words(LoginSocket& socket) {
  std::string said;
  try {
    while (true) said += pg::wire::text_of(socket.receive());
  } catch (const PeerGone&) {
    return said;
  }
}

LoginListener::LoginListener() : fd_(new_socket()) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 1) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
}

LoginListener::~LoginListener() { ::close(fd_); }

LoginSocket LoginListener::accepted() const {
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  return LoginSocket(fd);
}

namespace {

ClientStep drive_client(LoginSocket& socket, ClientLogin& login, const LoginFinder& find,
                        const TlsContext* tls) {
  while (true) {
    ByteBuffer out;
    const auto bytes = socket.receive();
    auto step = login.resume(bytes, out);
    if (const auto* asked = std::get_if<FindVerifier>(&step)) {
      auto verifier = find(*asked);
      step = verifier ? login.resume_with(*std::move(verifier), out) : login.resume_without(out);
    }
    if (!out.empty()) socket.send(out);
    if (const auto* begin = std::get_if<BeginTls>(&step)) {
      const auto first = begin->opening == TlsOpening::Direct ? bytes : ByteSpan();
      socket.start_tls(must(TlsChannel::accept(*tls, begin->opening)), first);
      login.begun_tls(tls->end_point());
    } else if (!std::holds_alternative<NeedBytes>(step)) {
      return step;
    }
  }
}

}  // namespace

ClientStep prove_client(LoginSocket& socket, const ClientTerms& terms, const LoginFinder& find,
                        const TlsContext* tls) {
  ClientLogin login(terms, {.nonce = "3rfcNHYJY1ZVvWVs7j3rfcNH", .md5_salt = {}});
  try {
    return drive_client(socket, login, find, tls);
  } catch (const PeerGone&) {
    return NeedBytes{};
  }
}

std::expected<ServerReady, ServerFailure> log_in(LoginSocket& socket, ServerTerms terms,
                                                 const TlsContext* tls) {
  ServerLogin login(std::move(terms));
  ByteBuffer out;
  auto step = login.start(out);
  while (true) {
    if (!out.empty()) socket.send(out);
    if (auto* ready = std::get_if<ServerReady>(&step)) return std::move(*ready);
    if (auto* refused = std::get_if<ServerRefused>(&step))
      return std::unexpected(std::move(refused->failure));
    if (const auto* keys = std::get_if<DeriveKeys>(&step)) {
      step = login.resume_with(must(keys->derive()), out);
    } else if (std::holds_alternative<BeginTls>(step)) {
      socket.start_tls(must(TlsChannel::connect(*tls, "localhost", TlsOpening::Requested)));
      step = login.begun_tls(socket.tls().peer_end_point(), out);
    } else {
      step = login.resume(socket.receive(), out);
    }
  }
}

}  // namespace pgkeel::test
