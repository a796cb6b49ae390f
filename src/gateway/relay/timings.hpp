// How long clients of a worker waited, and how long the worker itself kept what they said. Counted
// in times that are read once a round anyway.
#pragma once

#include <utility>

#include "base/duration_histogram.hpp"
#include "base/time.hpp"

namespace pgkeel::gateway {

class Timings {
 public:
  /// A client waited so long for a server, whether it got one or not; zero: one was free.
  void waited(SteadyClock::duration time) { waits_.add(in_microseconds(time)); }
  /// Something of a client's goes to its server in this round.
  void passes_on() { ++passed_on_; }
  /// All of a round has gone out.
  void round_over(SteadyClock::duration took) {
    if (passed_on_ == 0) return;
    added_.add(in_microseconds(took), std::exchange(passed_on_, 0));
  }

  [[nodiscard]] const DurationHistogram& waits() const { return waits_; }
  [[nodiscard]] const DurationHistogram& added() const { return added_; }

 private:
  [[nodiscard]] static std::chrono::microseconds in_microseconds(SteadyClock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
  }

  DurationHistogram waits_;
  DurationHistogram added_;
  std::int64_t passed_on_ = 0;  ///< in this round
};

}  // namespace pgkeel::gateway
