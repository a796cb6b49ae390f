// The parts of bench failover.
#pragma once

#include <optional>
#include <vector>

#include "bench/support/cells.hpp"

namespace pgkeel::bench {

[[nodiscard]] std::vector<Cell> measure_relay();
[[nodiscard]] std::vector<Cell> measure_lost_volume();

/// Some 300 MB in one table.
inline constexpr const char* kVolumeLoad =
    "create table bulk as select i, repeat(md5(i::text), 8) v from generate_series(1, 1000000) i";
/// Milliseconds from the loss of that to the first new commit; none: it is not installed.
[[nodiscard]] std::optional<Peer> lost_volume_with_pgbackrest();

}  // namespace pgkeel::bench
