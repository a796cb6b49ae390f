// What may leave the store. Planning is pure and shows its reasons; carrying it out removes a
// backup's record first, so that a half-removed backup is none.
// It guarantees: no backup goes unless a newer one of the newest timeline is proven restorable;
// what the window, a pin or the count asks for stays, with all WAL it needs; timeline histories are
// never removed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/proof.hpp"
#include "archive/catalog/wal_index.hpp"

namespace pgkeel::archive {

struct BackupStanding {
  Backup backup;
  Standing standing;
};
/// Every backup of the store with its proofs, oldest first.
[[nodiscard]] Result<std::vector<BackupStanding>> list_standings(Store& store);

struct RetentionPolicy {
  Millis keep{};      ///< every moment since then can be restored
  int keep_full = 1;  ///< proven backups that stay whatever their age
};

struct Expiry {
  struct Decision {
    std::string label;
    bool remove = false;
    std::string reason;  ///< "within the last 7 days", "pinned"
    std::uint64_t bytes = 0;
  };
  std::vector<Decision> backups;  ///< oldest first
  std::vector<ObjectInfo> wal;    ///< segments no kept backup needs
  [[nodiscard]] std::uint64_t bytes() const;
};

[[nodiscard]] Expiry plan_expiry(const std::vector<BackupStanding>& backups, const WalIndex& wal,
                                 const RetentionPolicy& policy, WallTime now);

/// Removes what the plan says; `step` is told before each removal. The newest backup is never among
/// it, so `latest` stays true.
Result<void> carry_out(Store& store, const Expiry& expiry,
                       const std::function<void(const std::string&)>& step);

}  // namespace pgkeel::archive
