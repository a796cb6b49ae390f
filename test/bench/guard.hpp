// The parts of the guard's benchmark: what it costs at rest, and how soon it sees and heals. Each
// measures on a stage that stands and gives its cells.
#pragma once

#include <string_view>
#include <vector>

#include "app/demo/stage.hpp"
#include "bench/support/cells.hpp"

namespace pgkeel::bench {

using Cells = std::vector<Cell>;

/// Memory, connections and processor time of the guard and of the server, at rest: to be measured
/// before anything is broken, since an incident is watched for ten minutes. The guard is ended
/// between the two windows and started again.
Result<Cells> measure_cost(app::Stage& stage);

/// Kills, drops, and the times of the incidents they open.
Result<Cells> measure_speed(app::Stage& stage);

/// The same beside a container of a real engine; no cells, and a word on why, where none can run.
Result<Cells> measure_container();

void say(std::string_view what);  ///< progress, on stderr

}  // namespace pgkeel::bench
