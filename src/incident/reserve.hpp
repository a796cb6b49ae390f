// A few megabytes of the disk set aside while there are plenty, to be given up when it is full: a
// guard whose state shares the database's disk must be able to start and to journal just then.
// Never taken when it would bring the disk near its end.
#pragma once

#include <filesystem>

namespace pgkeel::incident {

/// Makes the file when there is none and the disk has room; otherwise does nothing.
void keep_reserve(const std::filesystem::path& state_dir);
/// Gives the space back; false when there was none.
bool release_reserve(const std::filesystem::path& state_dir);

/// Some hundred journaled steps.
inline constexpr long kReserveBytes = 2L << 20;
/// Below this much free space the disk is left to others.
inline constexpr unsigned long kReserveLeavesBytes = 32UL << 20;

}  // namespace pgkeel::incident
