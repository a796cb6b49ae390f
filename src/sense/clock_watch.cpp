// See clock_watch.hpp.
#include "sense/clock_watch.hpp"

#include <utility>

namespace pgkeel::sense {

std::optional<ClockJump> ClockWatch::look(WallTime wall, SteadyTime steady) {
  const auto before = std::exchange(last_, Look{wall, steady});
  if (!before) return std::nullopt;
  const auto went = std::chrono::duration_cast<Millis>(wall - before->wall);
  const auto ran = std::chrono::duration_cast<Millis>(steady - before->steady);
  const auto by = went - ran;
  if (std::chrono::abs(by) < kClockJumpMin) return std::nullopt;
  return ClockJump{wall, by};
}

}  // namespace pgkeel::sense
