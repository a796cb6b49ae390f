// The dead-man's switch: a GET to a service that calls somebody when it is not heard of. The ping
// says "all is well", so it is sent only when the guard has just found that to be true; when it is
// not, or nobody can tell, there is silence, which is the alarm.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "notify/channel.hpp"

namespace pgkeel::notify {

/// Why the ping must not be sent now; empty when all is well. May write to disk to find out.
using Objection = std::function<std::string()>;

class Deadman {
 public:
  Deadman(runtime::Loop& loop, runtime::WebClient& client, const ChannelOptions& options,
          Objection objection);
  /// Runs for as long as the loop.
  runtime::Task<void> run();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t pings() const { return pings_; }
  /// Why the last one was not sent or not taken; empty when it was.
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  runtime::Task<void> ping();
  void note(std::string failure);

  runtime::Loop& loop_;
  runtime::WebClient& client_;
  std::string name_;
  Millis interval_;
  std::unique_ptr<Channel> channel_;
  Objection objection_;
  std::uint64_t pings_ = 0;
  std::string last_failure_;
};

}  // namespace pgkeel::notify
