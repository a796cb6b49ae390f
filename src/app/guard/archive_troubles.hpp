// What is wrong with the archive, as an incident would say it: from what is known of the store, of
// the jobs and of the receiver. Pure; how long a trouble has lasted is the caller's to know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/guard/archive_schedule.hpp"
#include "app/guard/slot_keeper.hpp"
#include "archive/receive/status.hpp"
#include "sense/observation.hpp"

namespace pgkeel::app {

/// All the troubles look at; the archive is configured.
struct ArchiveScene {
  const ArchiveView& view;
  const ArchiveHistory& history;
  const ArchiveConfig& config;
  const std::optional<archive::ReceiveStatus>& receiver;
  const std::string& listing_failure;  ///< empty: the store was read
  const std::optional<SlotGivenUp>& slot_given_up;
  WallTime now;
};

/// Of WAL that is missing in the archive, until a backup from behind it is there.
inline constexpr std::string_view kGapSubject = "archive.gap";

/// Whether WAL arrives now, by a status that is fresh.
[[nodiscard]] bool receives(const archive::ReceiveStatus& receiver, WallTime now);

/// Without `since`. One of each subject at most: archive.store, .backup, .drill, .wal, .gap,
/// .offsite, .expire, .expire_offsite. Texts and hints end without a full stop.
[[nodiscard]] std::vector<sense::ArchiveTrouble> troubles_of(const ArchiveScene& scene);

/// Between which moments everything can be had back; nothing while nothing can.
struct RestorableWindow {
  WallTime from;
  WallTime until;
};
[[nodiscard]] std::optional<RestorableWindow> restorable_window(const ArchiveScene& scene);

}  // namespace pgkeel::app
