// Which backup a restore starts from and whether the WAL for it is there. Pure: from what the store
// lists to a decision, or to an error that names the nearest moment that can be had.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/catalog/backup.hpp"
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

struct RestorePlan {
  Backup backup;
  RecoveryTarget target;
  /// WAL that is there but behind a gap: replay ends before it.
  std::optional<pg::WalSegment> gap;
};

/// NotFound: no backup, or none before the target (the earliest possible is named); WrongState: WAL
/// is missing that the backup needs, or the target lies behind the last WAL (the nearest is named).
[[nodiscard]] Result<RestorePlan> plan_restore(const std::vector<Backup>& backups,
                                               const WalAtHand& wal, const RecoveryTarget& target,
                                               const std::optional<std::string>& label);

}  // namespace pgkeel::archive
