// One gateway takes over from another of its guard, so that a new program serves and no client is
// dropped. The new one gets the listening sockets; both accept from them for a moment; then the
// former accepts nobody any more and ends when the last of its clients has left.
// It guarantees: until the new one says it is ready nothing has changed for the former, whatever
// becomes of the new one; a client's request to cancel, which comes to the new one, reaches the
// former.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "app/gateway/front.hpp"
#include "app/gateway/takeover_message.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::app {

/// The former's side: where another may ask. On the worker's thread, but for open().
class TakeoverDoor {
 public:
  /// In the working directory, by our process id. `front` is passed on from here; it outlives the
  /// door, as the worker does.
  [[nodiscard]] static Result<std::unique_ptr<TakeoverDoor>> open(gateway::Worker& worker,
                                                                  GatewayFront& front,
                                                                  FrontPlaces places);

 private:
  TakeoverDoor(gateway::Worker& worker, GatewayFront& front, FrontPlaces places, runtime::Fd door);
  void arrived();
  void said();
  void take(const TakeoverMessage& message);
  void give();
  void pass_on();
  void forget_heir();

  gateway::Worker& worker_;
  GatewayFront& front_;
  FrontPlaces places_;
  runtime::Fd door_;
  runtime::Fd heir_;
  bool given_ = false;  ///< the heir has the sockets
};

/// What was taken over, and the line to whom it was taken from.
struct Taken {
  GatewayFront front;
  runtime::Fd line;
};
/// Asks the gateway that holds `lock_file`. ConnectionFailed: it lets nobody take over, or there is
/// none; Refused: it listens elsewhere, or is paused.
[[nodiscard]] Result<Taken> take_over(const std::filesystem::path& lock_file,
                                      const FrontPlaces& wanted);

/// The new one's line to the former, until that has ended.
class FormerGateway final : public gateway::OtherClients {
 public:
  /// For as long as the worker runs.
  FormerGateway(gateway::Worker& worker, runtime::Fd line);
  /// From here on we accept, and it does not.
  [[nodiscard]] Result<void> say_ready();
  void cancel(const gateway::CancelAsked& asked, std::function<void()> told) override;
  [[nodiscard]] bool any() const override { return line_.valid(); }

 private:
  void said();
  void gone();

  gateway::Worker& worker_;
  runtime::Fd line_;
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, std::function<void()>> asked_;
};

/// Removes what gateways that are dead have left to be taken over at, in the working directory.
void clear_takeover_sockets();

}  // namespace pgkeel::app
