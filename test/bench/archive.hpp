// The parts of the archive's benchmark. Each measures on a stage that stands and gives its cells;
// what fails throws std::runtime_error, since a benchmark has nothing to handle.
#pragma once

#include <string_view>
#include <vector>

#include "bench/archive_stage.hpp"
#include "bench/support/cells.hpp"

namespace pgkeel::bench {

using Cells = std::vector<Cell>;

/// Full backups and restores beside pgBackRest and pg_basebackup: time, size, memory.
[[nodiscard]] Cells measure_copies(ArchiveStage& stage);

/// How far receiving is behind a busy server, and what a commit that waits for it costs beside
/// pg_receivewal.
[[nodiscard]] Cells measure_receiving(ArchiveStage& stage);

void say(std::string_view what);  ///< progress, on stderr

}  // namespace pgkeel::bench
