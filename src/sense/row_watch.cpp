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

RowLoss loss_of(RowLossKind kind, const RowCount& base, const RowCount& now, const Position& before,
                SteadyTime since, SteadyTime at) {
  RowLoss loss;
  loss.oid = now.oid;
  loss.kind = kind;
  loss.since = since;
  loss.at = at;
  loss.lsn = before.lsn;
  loss.rows_before = kind == RowLossKind::Truncated ? rows_there(base, now) : base.live;
  loss.rows_after = kind == RowLossKind::Truncated ? 0 : now.live;
  return loss;
}

}  // namespace

std::optional<RowLoss> RowWatch::judge(const RowCount& now, Base& base, const Position& before,
                                       SteadyTime at) {
  const bool replaced = now.filenode != base.count.filenode;
  std::optional<RowLoss> loss;
  if (replaced && now.maybe_empty) {
    auto maybe = loss_of(RowLossKind::Truncated, base.count, now, before, base.at, at);
    if (maybe.rows_before > 0) suspects_.insert_or_assign(now.oid.value, Suspect{maybe, now});
  } else if (!replaced && lost_most(base.count, now)) {
    loss = loss_of(RowLossKind::Deleted, base.count, now, base.position, base.at, at);
  }
  const bool grown = now.live >= base.count.live;
  if (replaced || loss || grown || at - base.at >= kRowWindow) base = {now, at, before};
  return loss;
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
    if (auto loss = judge(count, base->second, before, now)) losses.push_back(*loss);
  }
  const auto gone = [&](const auto& row) { return !present.contains(row.first); };
  std::erase_if(bases_, gone);
  std::erase_if(suspects_, gone);
  return losses;
}

std::vector<Oid> RowWatch::suspects() const {
  std::vector<Oid> oids;
  for (const auto& [oid, suspect] : suspects_) oids.push_back(Oid{oid});
  return oids;
}

std::optional<RowLoss> RowWatch::measured(Oid oid, std::int64_t bytes, SteadyTime now) {
  const auto found = suspects_.find(oid.value);
  if (found == suspects_.end()) return std::nullopt;
  auto loss = found->second.loss;
  suspects_.erase(found);
  loss.at = now;
  return bytes == 0 ? std::optional(loss) : std::nullopt;
}

}  // namespace pgkeel::sense
