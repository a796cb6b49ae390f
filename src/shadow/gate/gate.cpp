// See gate.hpp. What a server writes when, found by experiment: DROP TABLE and TRUNCATE lock first,
// then write catalogs and files, then commit with the files that go; DROP DATABASE overwrites the
// database's row in place, outside of any transaction, before it removes the files.
#include "shadow/gate/gate.hpp"

#include <algorithm>

#include "pg/wal/format.hpp"

namespace pgkeel::shadow {
namespace {

constexpr std::uint32_t kDatabaseCatalog = 1262;  // pg_database, in pg_global
constexpr std::int32_t kInvalid = -2;             // DATCONNLIMIT_INVALID_DB
constexpr std::uint32_t kFirstNormalOid = 16'384;

// Of datconnlimit in a row of pg_database; what stands before it has a fixed length.
std::size_t limit_offset(int major) {
  constexpr std::size_t kWithNames = 208;  // up to 14 the collations are names in it
  constexpr std::size_t kWithProvider = 80;
  constexpr int kProviderSince = 15;
  return major < kProviderSince ? kWithNames : kWithProvider;
}

struct DatabaseRow {
  Oid oid;
  std::int32_t limit = 0;
};

std::optional<DatabaseRow> read_database_row(ByteSpan row, int major) {
  const auto offset = limit_offset(major);
  if (row.size() < offset + sizeof(std::int32_t)) return std::nullopt;
  const Oid oid(ByteReader(row).read<std::uint32_t>());
  return DatabaseRow{oid, ByteReader(row.subspan(offset)).read<std::int32_t>()};
}

std::vector<pg::RelationFile> others_than(const std::vector<pg::RelationFile>& dropped,
                                          const std::set<pg::RelationFile>& made) {
  std::vector<pg::RelationFile> others;
  for (const auto& file : dropped)
    if (!made.contains(file)) others.push_back(file);
  return others;
}

// Of tables of people's: a catalog's rows change with every index.
std::map<pg::RelationFile, RowCounts> many_of(const Doings& doings, std::uint64_t least) {
  std::map<pg::RelationFile, RowCounts> many;
  for (const auto& [file, counts] : doings.rows)
    if (file.number.value >= kFirstNormalOid && !doings.made.contains(file) &&
        std::max(counts.deleted, counts.updated) >= least)
      many.emplace(file, counts);
  return many;
}

}  // namespace

std::string_view to_string(HoldKind kind) {
  switch (kind) {
    case HoldKind::Files: return "files";
    case HoldKind::Rows: return "rows";
    case HoldKind::Database: return "database";
  }
  return "unknown";
}

Lsn end_before(Lsn record) {
  const auto in_page = record.value % pg::kWalPageBytes;
  const bool behind_header =
      in_page == pg::kWalShortHeaderBytes || in_page == pg::kWalLongHeaderBytes;
  return behind_header ? Lsn(record.value - in_page) : record;
}

void Gate::read(const pg::WalRecord& record, const pg::WalMeaning& meaning, SteadyTime now) {
  if (const auto* locks = std::get_if<pg::StandbyLocks>(&meaning)) {
    for (const auto& lock : locks->locks)
      if (lock.relation.value >= kFirstNormalOid) transactions_.lock(lock, record.start, now);
  } else if (const auto* made = std::get_if<pg::FileCreated>(&meaning)) {
    if (made->fork == pg::Fork::Main) transactions_.made(record.xid, made->file);
  } else if (const auto* rows = std::get_if<pg::RowsChanged>(&meaning)) {
    if (rows->deleted > 0 || rows->updated > 0) transactions_.changed(record.xid, *rows);
  } else if (const auto* end = std::get_if<pg::TransactionEnd>(&meaning)) {
    ended(record, *end);
  } else if (const auto* prepared = std::get_if<pg::TransactionPrepared>(&meaning)) {
    transactions_.prepared(*prepared);
  } else if (const auto* row = std::get_if<pg::RowOverwritten>(&meaning)) {
    overwritten(record, *row, now);
  } else if (const auto* dropped = std::get_if<pg::DatabaseDropped>(&meaning)) {
    database_dropped(record, *dropped);
  } else if (const auto* running = std::get_if<pg::RunningTransactions>(&meaning)) {
    transactions_.forget_others_than(*running);
  } else if (std::holds_alternative<pg::EndOfRecovery>(meaning) ||
             std::holds_alternative<pg::Shutdown>(meaning)) {
    transactions_.forget_running();
  }
  read_ = record.end;
}

void Gate::ended(const pg::WalRecord& record, const pg::TransactionEnd& end) {
  const auto doings = transactions_.end(end);
  if (!end.committed) return;
  Hold found;
  found.decided = record.start;
  found.xid = end.xid;
  found.at = end.at;
  found.database = doings.database.valid() ? doings.database : end.database;
  found.files = others_than(end.dropped, doings.made);
  found.locks = doings.locked;
  found.rows = many_of(doings, bounds_.rows);
  if (hold_again(found)) return;
  if (!found.files.empty() && doings.lock) {
    found.before = *doings.lock;
    return hold(std::move(found));
  }
  if (found.rows.empty()) return;
  found.kind = HoldKind::Rows;
  found.before = record.start;
  found.database = found.rows.begin()->first.database;
  hold(std::move(found));
}

// Also by a vacuum, which writes how old the oldest rows of the database are.
void Gate::overwritten(const pg::WalRecord& record, const pg::RowOverwritten& row, SteadyTime now) {
  if (row.file.database.valid() || row.file.number.value != kDatabaseCatalog) return;
  Invalidated mark{record.start, now, std::nullopt};
  if (const auto told = read_database_row(row.row, major_)) {
    if (told->limit != kInvalid) return;
    mark.database = told->oid;
  }
  invalidated_.push_back(mark);
}

void Gate::database_dropped(const pg::WalRecord& record, const pg::DatabaseDropped& dropped) {
  Hold found;
  found.before = record.start;
  found.decided = record.start;
  found.kind = HoldKind::Database;
  found.xid = record.xid;
  found.database = dropped.database;
  if (hold_again(found)) return;
  for (const auto& mark : invalidated_)
    if (!mark.database || *mark.database == dropped.database)
      found.before = std::min(found.before, mark.at);
  std::erase_if(invalidated_, [&](const Invalidated& mark) {
    return !mark.database || *mark.database == dropped.database;
  });
  hold(std::move(found));
}

// What was held before is held where it was, whatever of it could be read again.
bool Gate::hold_again(Hold& hold) {
  const auto known = kept_.extract(hold.decided);
  if (!known) return false;
  hold.before = known.mapped().before;
  hold.kind = known.mapped().kind;
  hold.partial = hold.kind == HoldKind::Rows;  // the files that go are all in the commit's record
  const bool locked = hold.kind == HoldKind::Files && hold.before == hold.decided;
  this->hold(std::move(hold));
  if (locked)
    for (auto& one : holds_)
      if (one.before == one.decided && one.kind == HoldKind::Files) one.readable = false;
  return true;
}

// What the shadow has been given already, by a gate before this one, is past keeping.
void Gate::hold(Hold hold) {
  if (hold.decided < passed_ || released_.contains(hold.decided)) return;
  if (hold.before < passed_) {
    hold.before = hold.decided;
    hold.readable = false;
  }
  const auto at = std::ranges::upper_bound(holds_, hold.before, {}, &Hold::before);
  holds_.insert(at, std::move(hold));
}

void Gate::release(Lsn decided) {
  std::erase_if(holds_, [&](const Hold& hold) { return hold.decided == decided; });
  kept_.erase(decided);
  released_.insert(decided);
}

void Gate::move(Lsn decided, Lsn before) {
  for (auto& hold : holds_)
    if (hold.decided == decided && hold.before < before && before <= decided) hold.before = before;
  if (const auto kept = kept_.find(decided); kept != kept_.end())
    kept->second.before = std::max(kept->second.before, std::min(before, decided));
  std::ranges::sort(holds_, {}, &Hold::before);
}

void Gate::forget_released_before(Lsn position) {
  released_.erase(released_.begin(), released_.lower_bound(position));
}

Lsn Gate::limit(SteadyTime now) {
  auto end = read_;
  if (!holds_.empty()) end = std::min(end, holds_.front().before);
  for (const auto& [decided, kept] : kept_) end = std::min(end, kept.before);
  const auto since = now - bounds_.fate;
  if (const auto lock = transactions_.first_lock(since)) end = std::min(end, *lock);
  std::erase_if(invalidated_, [&](const Invalidated& mark) { return mark.read_at <= since; });
  for (const auto& mark : invalidated_) end = std::min(end, mark.at);
  if (end != read_) end = end_before(end);
  passed_ = std::max(passed_, end);
  return passed_;
}

std::optional<SteadyTime> Gate::due(SteadyTime now) const {
  auto oldest = transactions_.oldest_after(now - bounds_.fate);
  for (const auto& mark : invalidated_)
    oldest = std::min(oldest.value_or(mark.read_at), mark.read_at);
  if (!oldest) return std::nullopt;
  return *oldest + bounds_.fate;
}

}  // namespace pgkeel::shadow
