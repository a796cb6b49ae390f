// See row_watch.hpp.
#include "sense/row_watch.hpp"

#include <algorithm>
#include <set>

namespace pgkeel::sense {
namespace {

// Rows there were since the base was taken, what was inserted since with them. A table whose
// statistics know nothing (they are lost in a crash) has what its last analysis found.
std::int64_t rows_there(const RowCount& base, const RowCount& now) {
  const bool counted = base.inserted > 0 || now.inserted > 0 || base.live > 0;
  if (!counted) return base.rows;
  const auto inserted = std::max<std::int64_t>(now.inserted - base.inserted, 0);
  const auto deleted = std::max<std::int64_t>(now.deleted - base.deleted, 0);
  return std::max<std::int64_t>(base.live + inserted - deleted, 0);
}

// Deletions count even when they are rolled back; the rows that live fall only when they are not.
bool lost_most(const RowCount& base, const RowCount& now) {
  const auto deleted = now.deleted - base.deleted;
  const auto fallen = base.live - now.live;
  const auto enough = std::max(kMassDeletedMin, (base.live + 1) / kMassDeletedShare);
  return deleted >= enough && fallen >= enough && base.deleted < kTurnover * base.live;
}

// Of the rows there were for certain, without those inserted since, so many are still there.
std::int64_t sure_rows(const RowCount& base, const RowCount& now) {
  if (base.live == 0) return 0;
  return base.live - std::max<std::int64_t>(now.deleted - base.deleted, 0);
}

// A rewrite keeps the statistics; a truncation empties them without counting a deletion. Those that
// were reset know nothing.
bool emptied(const RowCount& base, const RowCount& count, const RowCount& now) {
  const auto sure = sure_rows(base, count);
  const auto deleted = std::max<std::int64_t>(now.deleted - count.deleted, 0);
  return sure > 0 && now.inserted >= count.inserted && (now.live + deleted) * 2 <= sure;
}

// Ten minutes of them: for the window in which deletions are added up, and what is late.
constexpr Seconds kPositionEvery{5};
constexpr std::size_t kPositionsKept = 120;

RowLoss loss_of(RowLossKind kind, const RowCount& base, const RowCount& now, const Position& before,
                SteadyTime since, SteadyTime at) {
  RowLoss loss;
  loss.oid = now.oid;
  loss.kind = kind;
  loss.since = since;
  loss.at = at;
  loss.lsn = before.lsn;
  loss.counted_lsn = before.lsn;
  loss.rows_before = kind == RowLossKind::Truncated ? rows_there(base, now) : base.live;
  loss.rows_after = kind == RowLossKind::Truncated ? 0 : now.live;
  return loss;
}

}  // namespace

std::optional<RowLoss> RowWatch::judge(const RowCount& now, Base& base, const Position& before,
                                       SteadyTime at) {
  if (!base.falls && still_.at > base.at) {
    base.at = still_.at;
    base.position = still_;
  }
  const bool replaced = now.filenode != base.count.filenode;
  if (replaced && !now.maybe_empty) return std::nullopt;  // the next listing asks
  std::optional<RowLoss> loss;
  if (replaced && *now.maybe_empty) {
    auto maybe = loss_of(RowLossKind::Truncated, base.count, now, before, base.at, at);
    if (maybe.rows_before > 0)
      suspects_.insert_or_assign(now.oid.value, Suspect{maybe, base.count, now});
  } else if (!replaced && lost_most(base.count, now)) {
    loss = loss_of(RowLossKind::Deleted, base.count, now, base.position, base.at, at);
    if (const auto early = well_before(base.at); early.lsn.valid()) loss->lsn = early.lsn;
  }
  const bool grown = now.live >= base.count.live;
  base.falls = true;
  if (replaced || loss || grown || at - base.at >= kRowWindow) base = {now, at, before};
  return loss;
}

std::optional<RowLoss> RowWatch::await_statistics(const RowCount& now, SteadyTime at) {
  const auto found = suspects_.find(now.oid.value);
  if (found == suspects_.end() || !found->second.measured) return std::nullopt;
  const auto& suspect = found->second;
  std::optional<RowLoss> loss;
  if (emptied(suspect.base, suspect.count, now)) {
    loss = suspect.loss;
    loss->at = at;
    loss->rows_after = now.live;
  }
  if (loss || at - *suspect.measured >= kStatisticsAwaited) suspects_.erase(found);
  return loss;
}

void RowWatch::remember(const Position& now) {
  if (!now.lsn.valid()) return;
  if (!positions_.empty() && now.at - positions_.back().at < kPositionEvery) return;
  positions_.push_back(now);
  if (positions_.size() > kPositionsKept) positions_.pop_front();
}

Position RowWatch::well_before(SteadyTime at) const {
  Position found;
  for (const auto& position : positions_) {
    const bool certain = position.at + kStatisticsLate <= at;
    if (certain || (!found.lsn.valid() && position.at <= at)) found = position;
  }
  return found;
}

std::vector<RowLoss> RowWatch::look(const std::vector<RowCount>& counts, const Position& before,
                                    SteadyTime now) {
  std::vector<RowLoss> losses;
  std::set<std::uint32_t> present;
  for (const auto& count : counts) {
    if (count.filenode == 0) continue;
    present.insert(count.oid.value);
    const auto [base, fresh] = bases_.try_emplace(count.oid.value, Base{count, now, before});
    if (fresh) continue;
    if (auto loss = await_statistics(count, now)) losses.push_back(*loss);
    if (auto loss = judge(count, base->second, before, now)) losses.push_back(*loss);
  }
  const auto gone = [&](const auto& row) { return !present.contains(row.first); };
  std::erase_if(bases_, gone);
  std::erase_if(suspects_, gone);
  return losses;
}

std::vector<Oid> RowWatch::suspects() const {
  std::vector<Oid> oids;
  for (const auto& [oid, suspect] : suspects_)
    if (!suspect.measured) oids.push_back(Oid{oid});
  return oids;
}

bool RowWatch::awaits_statistics() const {
  return std::ranges::any_of(suspects_,
                             [](const auto& row) { return row.second.measured.has_value(); });
}

std::optional<RowLoss> RowWatch::measured(Oid oid, std::int64_t bytes, SteadyTime now) {
  const auto found = suspects_.find(oid.value);
  if (found == suspects_.end() || found->second.measured) return std::nullopt;
  auto& suspect = found->second;
  const bool lost = bytes == 0 ||
                    bytes / kRowBytesMin * 2 < sure_rows(suspect.base, suspect.count) ||
                    emptied(suspect.base, suspect.count, suspect.count);
  if (bytes > 0 && !lost && suspect.base.live > 0) {
    suspect.measured = now;
    return std::nullopt;
  }
  auto loss = suspect.loss;
  loss.at = now;
  suspects_.erase(found);
  return bytes >= 0 && lost ? std::optional(loss) : std::nullopt;
}

}  // namespace pgkeel::sense
