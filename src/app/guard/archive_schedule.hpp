// When the guard makes a backup, proves it and lets old ones go. Pure: what is known of the archive
// and of earlier attempts in, the next job out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "archive/receive/status.hpp"
#include "base/strong.hpp"

namespace pgkeel::app {

enum class ArchiveJob { Backup, Drill, Expire, Copy, ExpireCopy };
[[nodiscard]] std::string_view to_string(ArchiveJob job);  ///< "backup now", as a command

/// Where and when a backup began.
struct BackupStart {
  std::optional<WallTime> at{};
  TimelineId timeline{};
  Lsn lsn{};
};

/// Whether it needs none of the WAL that is lost. By the clock, since a restore puts the server's
/// positions back; on the gap's own timeline by the position, which no clock that is set can spoil.
[[nodiscard]] bool begins_behind(const BackupStart& start, const archive::WalGap& gap);

/// The newest backup, as `pgkeel backup list --json` tells.
struct ArchiveView {
  bool seen = false;  ///< false: never listed yet
  std::string newest;
  std::optional<WallTime> newest_at;  ///< when it ended
  BackupStart newest_start{};
  bool newest_proven = false;
  std::optional<WallTime> drilled_at;  ///< the newest backup's last drill
  std::optional<WallTime> proven_at;   ///< the last drill of any backup that held
  std::optional<Millis> restore_took;
  std::uint64_t stored_bytes = 0;
  int backups = 0;
  struct Point {
    WallTime ended_at;
    BackupStart start;
  };
  std::vector<Point> points{};  ///< where a restore can begin, oldest first
};

/// What became of a job's last attempts.
struct JobHistory {
  int failures = 0;  ///< in a row
  std::optional<WallTime> ended_at;
  std::string failure;  ///< of the last attempt; empty: it worked
};

struct ArchiveHistory {
  JobHistory backup;
  JobHistory drill;
  JobHistory expire;
  JobHistory copy;
  JobHistory expire_copy;
};

[[nodiscard]] JobHistory& history_of(ArchiveHistory& history, ArchiveJob job);
/// What failed, for the ledger: a guard that begins must not take for healed what only waits.
[[nodiscard]] std::string to_json(const ArchiveHistory& history);
/// What cannot be read is forgotten.
[[nodiscard]] ArchiveHistory parse_history(std::string_view json);

/// Where the server is, as far as it makes a new backup necessary.
struct ServerView {
  TimelineId timeline;  ///< zero: not known
  /// The newest WAL that is lost; only a backup from behind it is worth anything.
  std::optional<archive::WalGap> gap{};
  /// Likewise, when the slot was given up and its WAL is received again; by the clock.
  std::optional<WallTime> slot_given_up_at{};
};

/// The one that is due, the most urgent first; nothing when none is. After a failure a job waits
/// five minutes, twice as long after each further one, an hour at most.
[[nodiscard]] std::optional<ArchiveJob> due_job(const ArchiveView& view, const ServerView& server,
                                                const ArchiveHistory& history,
                                                const ArchiveConfig& config, WallTime now);

}  // namespace pgkeel::app
