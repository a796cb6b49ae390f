// See expiry.hpp.
#include "archive/retention/expiry.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

// The newest timeline there is. A backup of an earlier one may lie on a branch that was left, and
// then takes nobody's place.
TimelineId live_timeline(const std::vector<BackupStanding>& backups, const WalIndex& wal) {
  TimelineId live(1);
  if (!wal.histories().empty()) live = wal.histories().rbegin()->first;
  for (const auto& each : backups) live = std::max(live, each.backup.timeline);
  return live;
}

struct Judge {
  const std::vector<BackupStanding>& backups;
  const RetentionPolicy& policy;
  WallTime now;
  TimelineId live;

  [[nodiscard]] bool takes_over(const BackupStanding& each) const {
    return each.standing.proven() && each.backup.timeline == live;
  }

  // The newest backup from before the window begins that is known to restore: every moment in the
  // window starts from it or from a later one.
  [[nodiscard]] std::size_t first_of_window() const {
    const auto begin = now - policy.keep;
    std::size_t first = 0;
    for (std::size_t i = 0; i < backups.size(); ++i)
      if (backups[i].backup.ended_at <= begin && takes_over(backups[i])) first = i;
    return first;
  }

  // How many newer ones can take its place.
  [[nodiscard]] int proven_after(std::size_t i) const {
    return static_cast<int>(
        std::count_if(backups.begin() + static_cast<std::ptrdiff_t>(i) + 1, backups.end(),
                      [this](const BackupStanding& other) { return takes_over(other); }));
  }

  // Why it stays; empty when it may go.
  [[nodiscard]] std::string reason_to_keep(std::size_t i) const {
    const auto& standing = backups[i].standing;
    if (i >= first_of_window())
      return fmt::format("needed for the last {}", humane_duration(policy.keep));
    if (standing.pinned) return "pinned";
    if (proven_after(i) == 0) return "no newer backup is proven";
    if (standing.proven() && proven_after(i) < policy.keep_full)
      return fmt::format("one of the last {} proven", policy.keep_full);
    return {};
  }
};

// A backup kept for its own sake needs the WAL to its end; one in the window everything after it.
bool needed_by(const Backup& backup, bool open_end, const pg::WalSegment& segment) {
  if (segment.number < backup.first_segment().number) return false;
  return open_end || segment.number <= backup.last_segment().number;
}

}  // namespace

std::uint64_t Expiry::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& decision : backups)
    if (decision.remove) sum += decision.bytes;
  for (const auto& segment : wal) sum += segment.size_bytes;
  return sum;
}

Result<std::vector<BackupStanding>> list_standings(Store& store) {
  TRY(backups, list_backups(store));
  std::vector<BackupStanding> list;
  for (auto& backup : backups) {
    TRY(standing, read_standing(store, backup.label));
    list.push_back({std::move(backup), std::move(standing)});
  }
  return list;
}

Expiry plan_expiry(const std::vector<BackupStanding>& backups, const WalIndex& wal,
                   const RetentionPolicy& policy, WallTime now) {
  const Judge judge{backups, policy, now, live_timeline(backups, wal)};
  Expiry expiry;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    auto reason = judge.reason_to_keep(i);
    const bool remove = reason.empty();
    if (remove) reason = fmt::format("older than {}", humane_duration(policy.keep));
    expiry.backups.push_back(
        {backups[i].backup.label, remove, std::move(reason), backups[i].backup.stored_bytes});
  }
  if (backups.empty()) return expiry;  // WAL alone may be waiting for the first backup
  const auto window = judge.first_of_window();
  for (const auto& [segment, object] : wal.segments()) {
    bool needed = false;
    for (std::size_t i = 0; i < backups.size() && !needed; ++i)
      needed = !expiry.backups[i].remove && needed_by(backups[i].backup, i >= window, segment);
    if (!needed) expiry.wal.push_back(object);
  }
  return expiry;
}

Result<void> carry_out(Store& store, const Expiry& expiry,
                       const std::function<void(const std::string&)>& step) {
  for (const auto& decision : expiry.backups) {
    if (!decision.remove) continue;
    if (step) step("backup " + decision.label);
    TRY_VOID(store.remove(backup_key(decision.label)));
    TRY(objects, store.list(backup_prefix(decision.label)));
    for (const auto& object : objects) TRY_VOID(store.remove(object.key));
  }
  for (const auto& segment : expiry.wal) {
    if (step) step(segment.key);
    TRY_VOID(store.remove(segment.key));
  }
  return {};
}

}  // namespace pgkeel::archive
