// See socket_io.hpp.
#include "runtime/socket_io.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace pgkeel::runtime::detail {
namespace {

std::unexpected<Error> fail_connection(int err, std::string_view what) {
  auto error = Error::from_errno(err, what);
  error.code = ErrorCode::ConnectionLost;
  return fail(std::move(error));
}

SocketAddress to_address(const addrinfo& info, std::string_view host, std::uint16_t port) {
  SocketAddress address;
  std::memcpy(&address.storage, info.ai_addr, info.ai_addrlen);
  address.size = info.ai_addrlen;
  address.text = host_and_port(host, port);
  return address;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

std::string host_and_port(std::string_view host, std::uint16_t port) {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<SocketAddress> unix_address(const std::filesystem::path& path) {
  const auto& text = path.native();
  SocketAddress address;
  sockaddr_un name{};
  if (text.empty() || text.size() >= sizeof name.sun_path) {
    return fail(Error(ErrorCode::ConfigBadValue,
                      fmt::format("socket path {} has {} bytes and a Unix socket takes {} at most",
                                  text, text.size(), sizeof name.sun_path - 1))
                    .with_hint("Choose a shorter directory."));
  }
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, text.data(), text.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
  address.text = text;
  return address;
}

Result<std::vector<SocketAddress>> tcp_addresses(const std::string& host, std::uint16_t port,
                                                 Resolve resolve) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  if (resolve == Resolve::NumericOnly) wanted.ai_flags |= AI_NUMERICHOST;
  addrinfo* found = nullptr;
  const int err = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  if (err != 0) {
    return fail(ErrorCode::ConfigBadValue,
                fmt::format("'{}' is not an address: {}", host, ::gai_strerror(err)));
  }
  std::vector<SocketAddress> addresses;
  for (const auto* info = found; info != nullptr; info = info->ai_next)
    addresses.push_back(to_address(*info, host, port));
  return addresses;
}

Result<Fd> make_socket(const SocketAddress& address) {
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail_errno(errno, fmt::format("make a socket for {}", address.text));
  return fd;
}

namespace {

std::unexpected<Error> fail_connect(int err, const SocketAddress& address) {
  auto error = Error::from_errno(err, fmt::format("connect to {}", address.text));
  if (error.code != ErrorCode::Permission) error.code = ErrorCode::ConnectionFailed;
  error.hint_override.clear();
  return fail(std::move(error));
}

}  // namespace

Task<Result<Fd>> connect_to(Loop& loop, SocketAddress address, SteadyTime deadline) {
  CO_TRY(fd, make_socket(address));
  if (::connect(fd.get(), address.get(), address.size) == 0) co_return std::move(fd);
  if (errno != EINPROGRESS) co_return fail_connect(errno, address);
  CO_TRY_VOID(co_await loop.wait_writable(fd.get(), deadline));
  int err = 0;
  socklen_t size = sizeof err;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &err, &size) != 0) err = errno;
  if (err != 0) co_return fail_connect(err, address);
  co_return std::move(fd);
}

Task<Result<std::size_t>> receive_some(Loop& loop, int fd, char* buffer, std::size_t size,
                                       SteadyTime deadline) {
  while (true) {
    const auto count = ::recv(fd, buffer, size, 0);
    if (count >= 0) co_return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (!would_block()) co_return fail_connection(errno, "receive");
    CO_TRY_VOID(co_await loop.wait_readable(fd, deadline));
  }
}

Task<Result<void>> send_all(Loop& loop, int fd, std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (!would_block()) co_return fail_connection(errno, "send");
    CO_TRY_VOID(co_await loop.wait_writable(fd, deadline));
  }
  co_return Result<void>();
}

}  // namespace pgkeel::runtime::detail
