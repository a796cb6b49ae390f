// A gateway's line to the guard that started it: a Unix socket that the guard serves, where the
// gateway asks what to do and who a client is. It guarantees: while the guard is away the last word
// stands, and another guard at the same place finds the gateway again, as it says who it is.
#pragma once

#include <filesystem>
#include <stop_token>
#include <thread>

#include "app/gateway/orders.hpp"
#include "gateway/credentials/asked_verifiers.hpp"

namespace pgkeel::app {

/// Held in the state directory while a gateway of its guard runs.
inline constexpr const char* kGatewayLockFile = "gateway.lock";

// What the guard serves there.
inline constexpr std::string_view kOrdersPath = "/orders";
inline constexpr std::string_view kVerifierPath = "/verifier";
/// An answer to who has the present orders comes after this at the latest.
inline constexpr Millis kOrdersPatience{20'000};

/// Waits for the guard's first word. Cancelled on stop.
[[nodiscard]] Result<GatewayOrders> first_orders(const std::filesystem::path& socket,
                                                 std::stop_token stop);

/// Asks the guard, and blocks while it asks the server; for a thread of its own.
[[nodiscard]] gateway::AskedVerifiers::Ask ask_guard(std::filesystem::path socket);

/// Follows the guard's orders from a thread of its own until it is destroyed.
class OrdersFollower {
 public:
  using Changed = std::function<void(const GatewayOrders&)>;
  /// `changed` is called on the thread, with orders that are not `present`.
  OrdersFollower(std::filesystem::path socket, const GatewayOrders& present, Changed changed);

 private:
  std::jthread thread_;
};

}  // namespace pgkeel::app
