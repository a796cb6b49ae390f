// How far behind the server we are in time: when was the oldest position seen that is not on our
// disk yet. The server's own LagTracker (walsender.c) measures the same from its side. Pure, and
// bounded: when full, every other sample goes, which costs precision and not correctness.
#pragma once

#include <array>
#include <cstddef>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

class LagTracker {
 public:
  /// The server said at `now` that it is at `server_end`.
  void server_at(Lsn server_end, SteadyTime now);
  /// Forgets what is on disk; zero when everything known of the server is.
  [[nodiscard]] Millis lag(Lsn flushed, SteadyTime now);

 private:
  // With a sample every 50 ms this is over three seconds exactly, and hours roughly.
  static constexpr std::size_t kSamplesMax = 64;
  static constexpr Millis kSampleEvery{50};
  struct Sample {
    Lsn lsn;
    SteadyTime at;
  };
  void thin_out();

  std::array<Sample, kSamplesMax> samples_{};
  std::size_t count_ = 0;
};

}  // namespace pgkeel::archive
