// The parts of bench failover.
#pragma once

#include <vector>

#include "bench/support/cells.hpp"

namespace pgkeel::bench {

[[nodiscard]] std::vector<Cell> measure_relay();
[[nodiscard]] std::vector<Cell> measure_lost_volume();

}  // namespace pgkeel::bench
