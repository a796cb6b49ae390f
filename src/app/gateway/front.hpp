// What a gateway has of its place: the sockets clients come to, and the lock that says it is there.
// Made when it starts, or taken over from the one before, which clients do not see.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/gateway/orders.hpp"
#include "gateway/relay/unix_listener.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {

struct GatewayFront {
  runtime::Fd tcp;
  std::optional<gateway::UnixListener> at_socket;
  std::optional<runtime::FileLock> lock;  ///< of a guard's gateway
};

/// Where clients come to by these orders: the TCP address, and the Unix socket's path, which may be
/// empty.
struct FrontPlaces {
  std::string tcp;
  std::string socket;
  friend bool operator==(const FrontPlaces&, const FrontPlaces&) = default;
};
[[nodiscard]] FrontPlaces places_of(const GatewayOrders& orders);

/// Listens at both. PortTaken and what else the system says, in the configuration's words. Before
/// there are threads: see UnixListener::at().
[[nodiscard]] Result<GatewayFront> open_front(const GatewayOrders& orders);

// As it is passed on: the places in words, and the descriptors in an order of their own.
[[nodiscard]] std::string front_text(const FrontPlaces& places);
[[nodiscard]] std::vector<int> front_descriptors(const GatewayFront& front);
/// Refused: another place than `wanted`. Malformed: not what belongs to it.
[[nodiscard]] Result<GatewayFront> front_of(const std::string& text,
                                            std::vector<runtime::Fd> descriptors,
                                            const FrontPlaces& wanted);
/// It is another process's from here on: nothing is removed.
void pass_on(GatewayFront& front);

}  // namespace pgkeel::app
