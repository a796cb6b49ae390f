// Names and ports as addresses.
#pragma once

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace pgkeel::app {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// Of a stream socket, the best first; may block. ConnectionFailed: the name has none. `flags`: of
/// getaddrinfo().
[[nodiscard]] Result<Addresses> addresses_of(const std::string& host, std::uint16_t port,
                                             int flags);

}  // namespace pgkeel::app
