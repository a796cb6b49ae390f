// See settings.hpp.
#include "gateway/relay/settings.hpp"

#include <arpa/inet.h>

#include <cstring>

#include <fmt/format.h>

namespace pgkeel::gateway {

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  return a.bytes == b.bytes && std::memcmp(&a.address, &b.address, a.bytes) == 0;
}

bool Settings::same_server(const Settings& other) const {
  const auto here = tls_to_server();
  const auto there = other.tls_to_server();
  const bool same_tls = here && there ? *here == *there : here == there;
  return server == other.server && same_tls;
}

Result<SocketAddress> SocketAddress::of_unix(const std::string& path) {
  sockaddr_un named{};
  if (path.size() >= sizeof named.sun_path)
    return fail(ErrorCode::Malformed, fmt::format("a socket's path of {} bytes", path.size()));
  named.sun_family = AF_UNIX;
  std::memcpy(named.sun_path, path.data(), path.size());
  SocketAddress made;
  std::memcpy(&made.address, &named, sizeof named);
  made.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  made.text = path;
  return made;
}

Result<SocketAddress> SocketAddress::of_ip(const std::string& ip, std::uint16_t port) {
  SocketAddress made;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET, ip.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    std::memcpy(&made.address, &four, sizeof four);
    made.bytes = sizeof four;
    made.text = fmt::format("{}:{}", ip, port);
  } else if (::inet_pton(AF_INET6, ip.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    std::memcpy(&made.address, &six, sizeof six);
    made.bytes = sizeof six;
    made.text = fmt::format("[{}]:{}", ip, port);
  } else {
    return fail(ErrorCode::Malformed, fmt::format("'{}' is no IP address", ip));
  }
  return made;
}

}  // namespace pgkeel::gateway
