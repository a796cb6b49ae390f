// See transactions.hpp.
#include "shadow/gate/transactions.hpp"

#include <algorithm>

namespace pgkeel::shadow {
namespace {

constexpr std::size_t kMadeByNobodyMax =
    10'000;  // nobody locks what bootstraps and extensions make

// TransactionIdPrecedes(), transam.c: numbers go round.
bool precedes(pg::ShortXid one, pg::ShortXid other) {
  return static_cast<std::int32_t>(one.value - other.value) < 0;
}

}  // namespace

void Doings::add(const Doings& other) {
  if (other.lock && (!lock || *other.lock < *lock)) {
    lock = other.lock;
    locked_at = other.locked_at;
    database = other.database;
  }
  for (const auto& [relation, at] : other.locked) {
    const auto [known, added] = locked.emplace(relation, at);
    if (!added) known->second = std::min(known->second, at);
  }
  made.insert(other.made.begin(), other.made.end());
  for (const auto& [file, counts] : other.rows) {
    auto& sum = rows[file];
    sum.inserted += counts.inserted;
    sum.updated += counts.updated;
    sum.deleted += counts.deleted;
  }
}

// A relation is made with a file of its own number, and locked behind that: nobody has read it.
void Transactions::lock(const pg::StandbyLock& lock, Lsn at, SteadyTime now) {
  auto& doings = doings_[lock.xid];
  const auto is_its_file = [&lock](const pg::RelationFile& file) {
    return file.number == lock.relation && file.database == lock.database;
  };
  if (std::ranges::any_of(doings.made, is_its_file)) return;
  if (const auto found = std::ranges::find_if(made_by_nobody_, is_its_file);
      found != made_by_nobody_.end()) {
    doings.made.insert(*found);
    made_by_nobody_.erase(found);
    return;
  }
  doings.locked.emplace(lock.relation, at);
  if (doings.lock) return;
  doings.lock = at;
  doings.locked_at = now;
  doings.database = lock.database;
}

void Transactions::made(pg::ShortXid xid, const pg::RelationFile& file) {
  if (xid.valid()) {
    doings_[xid].made.insert(file);
    return;
  }
  if (made_by_nobody_.size() >= kMadeByNobodyMax) made_by_nobody_.clear();
  made_by_nobody_.insert(file);
}

void Transactions::changed(pg::ShortXid xid, const pg::RowsChanged& rows) {
  if (!xid.valid()) return;
  auto& sum = doings_[xid].rows[rows.file];
  sum.inserted += rows.inserted;
  sum.updated += rows.updated;
  sum.deleted += rows.deleted;
}

void Transactions::prepared(const pg::TransactionPrepared& prepared) {
  auto& all = doings_[prepared.xid];
  for (const auto sub : prepared.subtransactions)
    if (auto part = doings_.extract(sub)) all.add(part.mapped());
  prepared_.insert(prepared.xid);
}

Doings Transactions::end(const pg::TransactionEnd& end) {
  Doings all;
  for (const auto sub : end.subtransactions)
    if (auto part = doings_.extract(sub)) all.add(part.mapped());
  if (auto own = doings_.extract(end.xid)) all.add(own.mapped());
  prepared_.erase(end.xid);
  return all;
}

void Transactions::forget_others_than(const pg::RunningTransactions& running) {
  const auto runs = [&running](pg::ShortXid xid) {
    if (!precedes(xid, running.next)) return true;
    if (!running.complete) return !precedes(xid, running.oldest_running);
    return std::ranges::find(running.running, xid) != running.running.end();
  };
  std::erase_if(
      doings_, [&](const auto& one) { return !prepared_.contains(one.first) && !runs(one.first); });
}

void Transactions::forget_running() {
  std::erase_if(doings_, [&](const auto& one) { return !prepared_.contains(one.first); });
  made_by_nobody_.clear();
}

std::optional<Lsn> Transactions::first_lock(SteadyTime since) const {
  std::optional<Lsn> first;
  for (const auto& [xid, doings] : doings_)
    if (doings.lock && doings.locked_at > since && (!first || *doings.lock < *first))
      first = doings.lock;
  return first;
}

std::optional<SteadyTime> Transactions::oldest_after(SteadyTime since) const {
  std::optional<SteadyTime> oldest;
  for (const auto& [xid, doings] : doings_)
    if (doings.lock && doings.locked_at > since && (!oldest || doings.locked_at < *oldest))
      oldest = doings.locked_at;
  return oldest;
}

}  // namespace pgkeel::shadow
