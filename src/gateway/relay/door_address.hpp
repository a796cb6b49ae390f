// Whom a connection is counted as before it has proven itself (doorkeeper.hpp): an IPv4 address; of
// an IPv6 address the network's 64 bits, as a host may take any address in it; the user at the
// other end of a Unix socket, so that a local account that guesses slows down nobody but itself.
#pragma once

#include <sys/socket.h>

#include <string>

namespace pgkeel::gateway {

/// Of an accepted socket and what accept() said of its peer. For comparing, not for people.
[[nodiscard]] std::string door_address_of(const sockaddr_storage& peer, int descriptor);

}  // namespace pgkeel::gateway
