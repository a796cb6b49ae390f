// The other side of an HTTP connection, as raw bytes: what no well-behaved client would send.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "runtime/fd.hpp"
#include "runtime/loop.hpp"
#include "support/wait.hpp"

namespace pgkeel::runtime {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline Fd connect_raw(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fd.reset();
  return fd;
}

/// Sends what fits at once (tests keep it below a socket's buffer).
inline bool send_raw(const Fd& fd, std::string_view bytes) {
  return ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

/// Everything until the peer closes.
inline Task<std::string> receive_all(Loop* loop, const Fd* fd) {
  std::string all;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto readable = co_await loop->wait_readable(fd->get(), loop->after(test::kPatience));
    const auto count = readable ? ::recv(fd->get(), buffer.data(), buffer.size(), MSG_DONTWAIT) : 0;
    if (count <= 0) co_return all;
    all.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace pgkeel::runtime
