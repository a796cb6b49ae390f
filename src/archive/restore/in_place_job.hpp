// What an in-place restore intends and how far it is, in a file beside the restored copy, so that
// the next run knows what a killed one left and finishes or discards it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "instance/swap.hpp"

namespace pgkeel::archive {

struct InPlaceJob {
  enum class Step {
    Restoring,     ///< the copy is incomplete; the place was not touched
    SettingAside,  ///< the copy is complete and verified; what was there is being moved aside
    Placing,       ///< what was there is aside; the copy is being moved in
  } step = Step::Restoring;
  instance::SwapManner manner = instance::SwapManner::Whole;
  std::filesystem::path place;        ///< the data directory
  std::filesystem::path aside;        ///< where what stood there is kept
  std::filesystem::path tablespaces;  ///< where the restored tablespaces are, for good
  std::string asked;                  ///< the target and the backup asked for, to know it again
  std::string target;                 ///< in words
  bool latest = true;                 ///< all the archive has was replayed
  bool paused_guard = false;          ///< by this job, which resumes it
  std::string seen_place;             ///< how far its cluster was before the copy was made
  std::string seen_archive;           ///< and the archive
  WallTime began;
  // Known once the copy is complete.
  SystemId system_id;
  std::string backup;
  TimelineId timeline;
  Lsn lsn;
  std::filesystem::path bin_dir;

  /// PLACE.pgkeel-in-place, in a mount point PLACE/pgkeel-in-place.
  [[nodiscard]] std::filesystem::path work_dir() const;
  [[nodiscard]] instance::Swap swap() const;
};

/// A new one, with dated names.
[[nodiscard]] InPlaceJob make_job(const std::filesystem::path& place, instance::SwapManner manner,
                                  WallTime now);

/// Durable when it returns.
Result<void> write_job(const InPlaceJob& job);
/// What an earlier run left for this place; nothing when there is none. Malformed.
[[nodiscard]] Result<std::optional<InPlaceJob>> read_job(const std::filesystem::path& place,
                                                         instance::SwapManner manner);
/// Its file goes; the directory is the caller's.
Result<void> remove_job(const InPlaceJob& job);

}  // namespace pgkeel::archive
