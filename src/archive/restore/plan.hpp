// Which backup a restore starts from and whether the WAL for it is there. Pure: from what the store
// lists to a decision, or to an error that names the nearest moment that can be had.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/lineage.hpp"
#include "archive/catalog/wal_index.hpp"
#include "archive/restore/target.hpp"

namespace pgkeel::archive {

/// WAL there is: what the store holds, and what was received but not shipped yet.
struct WalAtHand {
  const WalIndex* stored = nullptr;
  std::vector<pg::WalSegment> received;  ///< whole or partial, in incoming/
  [[nodiscard]] bool has(const pg::WalSegment& segment) const;
  /// The last segment that is there without a gap from `first` on; nullopt when `first` is not.
  [[nodiscard]] std::optional<pg::WalSegment> reaches(const pg::WalSegment& first) const;
};

/// What is asked for; `timeline` and `label` only where somebody insists.
struct RestoreQuestion {
  RecoveryTarget target;
  std::optional<std::string> label = {};
  /// Without: the newest, or where `label` says otherwise the newest that comes from that backup.
  std::optional<TimelineId> timeline = {};
};

/// WAL of a timeline that goes on behind the point where the restored one left it.
struct AbandonedBranch {
  TimelineId timeline;
  Lsn left_at;
};

struct RestorePlan {
  Backup backup;
  RecoveryTarget target;
  TimelineId timeline;  ///< the one to follow
  /// The backup before it on the way: a transaction or a name may lie before this one.
  std::optional<std::string> earlier = {};
  /// WAL that is there but behind a gap: replay ends before it.
  std::optional<pg::WalSegment> gap = {};
  /// The last one on the way; what it holds is not restored.
  std::optional<AbandonedBranch> abandoned = {};
};

/// NotFound: no backup, none before the target (the earliest possible is named), none that the
/// timeline comes from, or no such timeline; WrongState: WAL is missing that the backup needs, or
/// the target lies behind the last WAL (the nearest is named).
[[nodiscard]] Result<RestorePlan> plan_restore(const std::vector<Backup>& backups,
                                               const WalAtHand& wal, const Lineage& lineage,
                                               const RestoreQuestion& question);

}  // namespace pgkeel::archive
