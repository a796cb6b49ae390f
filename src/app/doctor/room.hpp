// How long the disks last, as lines of doctor's look at health: told before one is full, with what
// fills it and how much to add.
#pragma once

#include <vector>

#include "app/config.hpp"
#include "diagnose/health.hpp"
#include "incident/journal.hpp"

namespace pgkeel::app {

/// One a disk that is nearly full, or will be within kRoomAhead days at the pace of what the guard
/// noted; `journal` may be null: then no pace is known.
[[nodiscard]] std::vector<diagnose::HealthLine> look_at_room(const Config& config,
                                                             const std::filesystem::path& data_dir,
                                                             const incident::Journal* journal);
inline constexpr int kRoomAhead = 14;
/// Less of the disk than this share is nearly nothing.
inline constexpr double kRoomShare = 0.1;

}  // namespace pgkeel::app
