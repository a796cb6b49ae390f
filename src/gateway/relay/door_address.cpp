// See door_address.hpp.
#include "gateway/relay/door_address.hpp"

#include <netinet/in.h>

#include <cstring>

#include <fmt/format.h>

namespace pgkeel::gateway {
namespace {

constexpr std::size_t kNetworkBytes = 8;
constexpr std::size_t kMappedAt = 12;  // ::ffff:10.0.0.1, where a listener takes both kinds

template <class Address>
Address read_as(const sockaddr_storage& peer) {
  Address address;
  std::memcpy(&address, &peer, sizeof address);
  return address;
}

std::string bytes_of(const void* begin, std::size_t size) {
  return {static_cast<const char*>(begin), size};
}

std::string user_at(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "user";
  return fmt::format("user {}", peer.uid);
}

}  // namespace

std::string door_address_of(const sockaddr_storage& peer, int descriptor) {
  if (peer.ss_family == AF_INET) {
    const auto address = read_as<sockaddr_in>(peer);
    return bytes_of(&address.sin_addr, sizeof address.sin_addr);
  }
  if (peer.ss_family != AF_INET6) return user_at(descriptor);
  const auto address = read_as<sockaddr_in6>(peer).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address))
    return bytes_of(address.s6_addr + kMappedAt, sizeof address.s6_addr - kMappedAt);
  return bytes_of(address.s6_addr, kNetworkBytes);
}

}  // namespace pgkeel::gateway
