// Delivers the spool of one channel, oldest first, one message at a time: the next is not begun
// before this one is delivered and gone from the disk. A channel that fails holds up no other.
// A message can arrive twice only when the answer to it is lost: the guard dies between the answer
// and the removal, or the connection breaks before the answer has come.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <string>

#include "incident/alert_store.hpp"
#include "notify/channel.hpp"

namespace pgkeel::notify {

/// Messages kept in memory when the disk takes none; beyond it the oldest goes.
inline constexpr std::size_t kHeldMax = 100;

/// For people and metrics.
struct ChannelStatus {
  std::string name;
  std::string kind;
  std::int64_t waiting = 0;  ///< messages in the spool
  std::uint64_t delivered = 0;
  std::uint64_t failures = 0;  ///< attempts, since the guard started
  std::string last_failure;    ///< empty after a success
  std::optional<WallTime> last_failure_at;
};

class Sender {
 public:
  Sender(runtime::Loop& loop, incident::AlertStore& store, runtime::WebClient& client,
         ChannelOptions options, Origin origin);
  /// Runs for as long as the loop.
  runtime::Task<void> run();
  /// Something was spooled.
  void poke() { poked_.notify_all(); }
  /// Takes a message that the disk would not.
  void hold(incident::SpooledAlert message);

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] ChannelStatus status() const;
  /// Whether the last attempt failed; true until one succeeds.
  [[nodiscard]] bool failing() const { return attempts_ > 0; }

 private:
  [[nodiscard]] Result<std::optional<incident::SpooledAlert>> next() const;
  runtime::Task<Outcome> attempt(incident::SpooledAlert message);
  Result<void> remove(const incident::SpooledAlert& message);
  runtime::Task<void> deliver(incident::SpooledAlert message);
  void note_failure(const Outcome& outcome);
  runtime::Task<void> pause(std::optional<Millis> asked);

  runtime::Loop& loop_;
  incident::AlertStore& store_;
  runtime::WebClient& client_;
  ChannelOptions options_;
  Origin origin_;
  std::unique_ptr<Channel> channel_;
  runtime::Event poked_;
  std::deque<incident::SpooledAlert> held_;
  std::int64_t delivered_id_ = 0;  // delivered, but not yet gone from the disk
  int attempts_ = 0;               // failures in a row
  ChannelStatus status_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace pgkeel::notify
