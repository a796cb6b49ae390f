// The copy that restore_data makes near the place of a lost data directory. A mark beside it says
// that it is ours, from before its first byte until it is placed or handed over, so that what an
// attempt left (a reboot, a killed guard, a replay that failed) is removed by the next one.
// It guarantees: only what the mark names is ever removed, and only where that is a copy's name;
// a server that such a restore left running is ended first. It refuses to touch a copy in which
// somebody else started a server.
#pragma once

#include <filesystem>
#include <string>

#include "base/time.hpp"
#include "instance/instance.hpp"
#include "instance/swap.hpp"

namespace pgkeel::recover {

/// PLACE.pgkeel-restore-SECONDS, in a mount point PLACE/pgkeel-restore-SECONDS.
[[nodiscard]] std::filesystem::path copy_path(const std::filesystem::path& place,
                                              instance::SwapManner manner, WallTime now);

/// Ours from here on; durable when it returns. There is one at a time: discard the last one before.
Result<void> mark_copy(const std::filesystem::path& place, instance::SwapManner manner,
                       const std::filesystem::path& copy);
/// Not ours any more: placed, or a human's.
Result<void> release_copy(const std::filesystem::path& place, instance::SwapManner manner);
/// Removes the marked copy with its tablespaces; nothing happens when there is no mark. Blocks.
/// Refused while a server stays in it, Malformed when the mark names no copy.
Result<void> discard_copy(const std::filesystem::path& place, instance::SwapManner manner);

/// Pure: why nothing may be moved into the place as it is now; empty when it may. Asked again right
/// before, since a restore may take a day.
[[nodiscard]] std::string objection_to_filling(const instance::DataDirFacts& place);

}  // namespace pgkeel::recover
