// How far one step against a lack of memory goes. Pure: figures in, figures out. A step doubles or
// halves, and each has an end: the operator's bound and the machine for a limit, a floor for
// work_mem, below which sorts go to disk and little is won.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace pgkeel::recover {

inline constexpr Seconds kLoopWithin{3600};  // two kills further apart are no loop
inline constexpr std::size_t kIncidentsLookedAt = 50;
inline constexpr std::int64_t kWorkMemFloorKb = 1024;

/// The limit that comes next, in bytes; 0: it stays. `most` of 0: the operator allows none. A
/// container without a limit gets none: what it lacks is the machine's. Never more than four
/// fifths of the machine.
[[nodiscard]] std::int64_t next_limit(std::int64_t limit, std::uint64_t most,
                                      std::uint64_t machine_bytes);

/// In kB; 0: it is at the floor, or below.
[[nodiscard]] std::int64_t next_work_mem(std::int64_t kilobytes);

/// Why the limit stays, and the line that raises it.
[[nodiscard]] std::string limit_advice(std::string_view container, std::int64_t limit,
                                       std::uint64_t most);

}  // namespace pgkeel::recover
