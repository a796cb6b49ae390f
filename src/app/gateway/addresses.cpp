// See addresses.hpp.
#include "app/gateway/addresses.hpp"

#include <sys/socket.h>

#include <fmt/format.h>

namespace pgkeel::app {

Result<Addresses> addresses_of(const std::string& host, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0)
    return fail(ErrorCode::ConnectionFailed,
                fmt::format("no address of {}: {}", host, ::gai_strerror(failed)));
  return Addresses(found);
}

}  // namespace pgkeel::app
