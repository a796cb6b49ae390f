// See plan.hpp.
#include "archive/restore/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

// A position or time tells which backups are early enough; a transaction or a name does not.
bool early_enough(const Backup& backup, const RecoveryTarget& target) {
  switch (target.kind) {
    case RecoveryTarget::Kind::Time: return backup.ended_at <= target.time;
    case RecoveryTarget::Kind::Position: return backup.stop_lsn <= target.lsn;
    default: return true;
  }
}

Error none_before(const std::vector<Backup>& backups, const RecoveryTarget& target) {
  const auto& first = backups.front();
  return Error(ErrorCode::NotFound, fmt::format("no backup ends before {}", target.describe()))
      .with_hint(fmt::format("The earliest moment that can be restored is {} ({}).",
                             to_iso8601(first.ended_at), to_string(first.stop_lsn)));
}

Result<Backup> choose(const std::vector<Backup>& backups, const RecoveryTarget& target,
                      const std::optional<std::string>& label) {
  if (backups.empty())
    return fail(Error(ErrorCode::NotFound, "the archive holds no backup")
                    .with_hint("'pgkeel backup now' makes one."));
  if (label) {
    const auto found = std::ranges::find(backups, *label, &Backup::label);
    if (found == backups.end())
      return fail(ErrorCode::NotFound, fmt::format("there is no backup {}", *label));
    if (!early_enough(*found, target)) return fail(none_before({*found}, target));
    return *found;
  }
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup)
    if (early_enough(*backup, target)) return *backup;
  return fail(none_before(backups, target));
}

Result<void> require_consistency(const Backup& backup, const WalAtHand& wal) {
  for (auto segment = backup.first_segment(); segment <= backup.last_segment();
       segment = segment.next()) {
    if (wal.has(segment)) continue;
    return fail(
        Error(ErrorCode::WrongState,
              fmt::format("the WAL segment {} that backup {} needs is not in the archive",
                          pg::segment_name(segment, backup.wal_segment_bytes), backup.label))
            .with_hint("Use another backup: 'pgkeel backup list'."));
  }
  return {};
}

// The first segment of the same timeline that is there although the one before it is not.
std::optional<pg::WalSegment> behind_gap(const WalAtHand& wal, const pg::WalSegment& end) {
  const auto& segments = wal.stored->segments();
  const auto later = segments.upper_bound(end);
  if (later == segments.end() || later->first.timeline != end.timeline) return std::nullopt;
  return later->first;
}

Result<void> require_reach(const RestorePlan& plan, const pg::WalSegment& end) {
  if (plan.target.kind != RecoveryTarget::Kind::Position) return {};
  const Lsn reach = end.end(plan.backup.wal_segment_bytes);
  if (plan.target.lsn <= reach) return {};
  return fail(Error(ErrorCode::WrongState, fmt::format("the archive's WAL ends at {}, before {}",
                                                       to_string(reach), plan.target.describe()))
                  .with_hint("Restore to the latest moment instead: --to latest."));
}

}  // namespace

bool WalAtHand::has(const pg::WalSegment& segment) const {
  return stored->find(segment) != nullptr || std::ranges::count(received, segment) > 0;
}

std::optional<pg::WalSegment> WalAtHand::reaches(const pg::WalSegment& first) const {
  if (!has(first)) return std::nullopt;
  auto last = first;
  while (has(last.next())) last = last.next();
  return last;
}

Result<RestorePlan> plan_restore(const std::vector<Backup>& backups, const WalAtHand& wal,
                                 const RecoveryTarget& target,
                                 const std::optional<std::string>& label) {
  TRY(backup, choose(backups, target, label));
  TRY_VOID(require_consistency(backup, wal));
  RestorePlan plan{backup, target, {}};
  const auto end = wal.reaches(backup.last_segment());
  if (end) plan.gap = behind_gap(wal, *end);
  // A later timeline may reach further than this one; then only the server can tell.
  const bool only_timeline = wal.stored->histories().empty();
  if (end && only_timeline) TRY_VOID(require_reach(plan, *end));
  return plan;
}

}  // namespace pgkeel::archive
