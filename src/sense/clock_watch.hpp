// Whether the wall clock was moved: compared with the clock that only runs, look by look. A clock
// that jumps makes times of the log, of certificates and of a restore's target say what was not.
// Pure. A machine that slept looks the same: while it slept only the wall clock went on.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace pgkeel::sense {

/// Slewing by NTP is at most 0.5 ms a second; a step of less than this hurts nobody.
inline constexpr Millis kClockJumpMin{2'000};

struct ClockJump {
  WallTime at;  ///< as the clock says it after the jump
  Millis by;    ///< positive: forwards
};

class ClockWatch {
 public:
  /// What came since the look before; nullopt for the first.
  [[nodiscard]] std::optional<ClockJump> look(WallTime wall, SteadyTime steady);

 private:
  struct Look {
    WallTime wall;
    SteadyTime steady;
  };
  std::optional<Look> last_;
};

}  // namespace pgkeel::sense
