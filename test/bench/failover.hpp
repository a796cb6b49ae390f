// The parts of bench failover.
#pragma once

#include <vector>

#include "bench/support/cells.hpp"

namespace pgkeel::bench {

[[nodiscard]] std::vector<Cell> measure_relay();

}  // namespace pgkeel::bench
