// See plan.hpp.
#include "archive/restore/plan.hpp"

#include <algorithm>
#include <ranges>
#include <set>

#include <fmt/ranges.h>

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

bool comes_from(const Lineage& lineage, TimelineId timeline, const Backup& backup) {
  return lineage.holds(timeline, backup.timeline, backup.stop_lsn);
}

std::string known_timelines(const std::vector<Backup>& backups, const Lineage& lineage) {
  std::set<TimelineId> known;
  for (const auto& backup : backups) known.insert(backup.timeline);
  for (const auto timeline : known) {
    for (const auto& change : lineage.path_to(timeline)) known.insert(change.parent);
  }
  for (const auto& change : lineage.path_to(lineage.newest())) known.insert(change.parent);
  known.insert(lineage.newest());
  return fmt::format(
      "{}",
      fmt::join(known | std::views::transform([](TimelineId timeline) { return timeline.value; }),
                ", "));
}

// The one to follow. A backup that was named decides where nobody does.
TimelineId choose_timeline(const std::vector<Backup>& backups, const Lineage& lineage,
                           const RestoreQuestion& question) {
  if (question.timeline) return *question.timeline;
  auto newest = lineage.newest();
  for (const auto& backup : backups) {
    newest = std::max(newest, backup.timeline);
    if (question.label == backup.label)
      return lineage.newest_from(backup.timeline, backup.stop_lsn);
  }
  return newest;
}

Error none_on(const std::vector<Backup>& backups, const Lineage& lineage, TimelineId timeline) {
  const auto& last = backups.back();
  const auto left = lineage.left_at(timeline, last.timeline);
  return Error(ErrorCode::NotFound,
               left ? fmt::format("timeline {} left timeline {} at {}, before backup {} ended",
                                  timeline.value, last.timeline.value, to_string(*left), last.label)
                    : fmt::format("timeline {} does not come from backup {} on timeline {}",
                                  timeline.value, last.label, last.timeline.value))
      .with_hint(
          fmt::format("'--timeline {}' restores the branch of that backup; the archive knows "
                      "the timelines {}.",
                      lineage.newest_from(last.timeline, last.stop_lsn).value,
                      known_timelines(backups, lineage)));
}

Result<Backup> choose(const std::vector<Backup>& all, const Lineage& lineage, TimelineId timeline,
                      const RestoreQuestion& question) {
  if (all.empty())
    return fail(Error(ErrorCode::NotFound, "the archive holds no backup")
                    .with_hint("'pgkeel backup now' makes one."));
  auto backups = all;
  if (question.label)
    std::erase_if(backups, [&](const Backup& each) { return each.label != *question.label; });
  if (backups.empty())
    return fail(ErrorCode::NotFound, fmt::format("there is no backup {}", *question.label));
  auto on_the_way = backups;
  std::erase_if(on_the_way,
                [&](const Backup& each) { return !comes_from(lineage, timeline, each); });
  if (on_the_way.empty()) return fail(none_on(backups, lineage, timeline));
  for (auto backup = on_the_way.rbegin(); backup != on_the_way.rend(); ++backup)
    if (early_enough(*backup, question.target)) return *backup;
  return fail(none_before(on_the_way, question.target));
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

// The first segment of the same timeline that is there although the one before it is not; of no
// matter where the timeline was left before it.
std::optional<pg::WalSegment> behind_gap(const WalAtHand& wal, const pg::WalSegment& end,
                                         std::optional<Lsn> left, std::uint64_t segment_bytes) {
  const auto& segments = wal.stored->segments();
  const auto later = segments.upper_bound(end);
  if (later == segments.end() || later->first.timeline != end.timeline) return std::nullopt;
  if (left && *left <= end.end(segment_bytes)) return std::nullopt;
  return later->first;
}

std::optional<std::string> before(const std::vector<Backup>& backups, const Lineage& lineage,
                                  const RestorePlan& plan) {
  std::optional<std::string> earlier;
  for (const auto& each : backups)
    if (each.ended_at < plan.backup.ended_at && comes_from(lineage, plan.timeline, each))
      earlier = each.label;
  return earlier;
}

std::optional<AbandonedBranch> abandoned_by(const WalAtHand& wal, const Lineage& lineage,
                                            const RestorePlan& plan) {
  std::optional<AbandonedBranch> last;
  for (const auto& change : lineage.path_to(plan.timeline)) {
    const auto at = pg::segment_of(change.parent, change.switch_at, plan.backup.wal_segment_bytes);
    const auto later = wal.stored->segments().upper_bound(at);
    const bool goes_on =
        (later != wal.stored->segments().end() && later->first.timeline == change.parent) ||
        std::ranges::any_of(wal.received, [&](const pg::WalSegment& each) {
          return each.timeline == change.parent && at < each;
        });
    if (goes_on) last = {change.parent, change.switch_at};
  }
  return last;
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
  return stored->find(segment) != nullptr || std::ranges::count(received, segment) > 0 ||
         stored->has_beginning(segment);
}

std::optional<pg::WalSegment> WalAtHand::reaches(const pg::WalSegment& first) const {
  if (!has(first)) return std::nullopt;
  auto last = first;
  while (has(last.next())) last = last.next();
  return last;
}

Result<RestorePlan> plan_restore(const std::vector<Backup>& backups, const WalAtHand& wal,
                                 const Lineage& lineage, const RestoreQuestion& question) {
  const auto timeline = choose_timeline(backups, lineage, question);
  TRY(backup, choose(backups, lineage, timeline, question));
  TRY_VOID(require_consistency(backup, wal));
  RestorePlan plan{.backup = backup, .target = question.target, .timeline = timeline};
  plan.earlier = before(backups, lineage, plan);
  const auto end = wal.reaches(backup.last_segment());
  const auto left = lineage.left_at(timeline, backup.timeline);
  if (end) plan.gap = behind_gap(wal, *end, left, backup.wal_segment_bytes);
  plan.abandoned = abandoned_by(wal, lineage, plan);
  // A later timeline may reach further than this one; then only the server can tell.
  if (end && timeline == backup.timeline) TRY_VOID(require_reach(plan, *end));
  return plan;
}

}  // namespace pgkeel::archive
