// A gateway's line to the guard that started it: a Unix socket that the guard serves, where the
// gateway asks what to do and who a client is. It guarantees: while the guard is away the last word
// stands, and another guard at the same place finds the gateway again, as it says who it is.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "app/gateway/orders.hpp"
#include "gateway/credentials/asked_verifiers.hpp"

namespace pgkeel::app {

/// Held in the state directory while a gateway of its guard runs.
inline constexpr const char* kGatewayLockFile = "gateway.lock";
/// Where its guard has it write its log, in the state directory.
inline constexpr const char* kGatewayLogFile = "gateway.log";

// What the guard serves there.
inline constexpr std::string_view kOrdersPath = "/orders";
inline constexpr std::string_view kVerifierPath = "/verifier";
inline constexpr std::string_view kFiguresPath = "/figures";
/// Of a question: `yes` from one that another has taken over from.
inline constexpr const char* kLeavingParameter = "leaving";
/// How often a gateway says how it is doing.
inline constexpr Millis kFiguresEvery{2'000};
/// An answer to who has the present orders comes after this at the latest.
inline constexpr Millis kOrdersPatience{20'000};

/// Waits for the guard's first word. Cancelled on stop; TimedOut: it did not come within
/// `patience`.
[[nodiscard]] Result<GatewayOrders> first_orders(const std::filesystem::path& socket,
                                                 std::optional<Millis> patience,
                                                 std::stop_token stop);

/// Asks the guard, and blocks while it asks the server; for a thread of its own.
[[nodiscard]] gateway::AskedVerifiers::Ask ask_guard(std::filesystem::path socket);

/// What the gateway last had to say of itself; for two threads.
class Said {
 public:
  void say(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  [[nodiscard]] std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(text_, {});
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

/// Follows the guard's orders, and tells it how the gateway is doing, from a thread of its own
/// until it is destroyed.
class GuardLink {
 public:
  struct Gateway {
    /// Called on the thread, with orders that are not the present ones.
    std::function<void(const GatewayOrders&)> changed;
    /// Called on the thread: nobody is to connect any more.
    std::function<void()> ended;
    /// Called on the thread every few seconds: the server's name may mean another address.
    std::function<void()> look_again;
    /// Called on the thread: whether another has taken over, and this one only serves whom it has.
    std::function<bool()> leaving;
    /// Called on the thread: is to have figures said, soon.
    std::function<void(std::shared_ptr<Said>)> ask_figures;
  };
  GuardLink(std::filesystem::path socket, const GatewayOrders& present, Gateway gateway);

 private:
  std::jthread thread_;
};

}  // namespace pgkeel::app
