// What each transaction that has not ended did, as far as data may be gone when it commits: which
// relations it locked, made and changed. Pure; fed with the meanings of WAL records in order.
// It guarantees: a subtransaction's part counts when its transaction commits and is forgotten when
// it is rolled back; nothing is kept of a transaction whose end was not seen once the server says
// that it runs no more.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "pg/wal/meaning.hpp"

namespace pgkeel::shadow {

struct RowCounts {
  std::uint64_t inserted = 0;
  std::uint64_t updated = 0;
  std::uint64_t deleted = 0;
};

struct Doings {
  /// The first record by which a standby locks a relation that was there before it.
  std::optional<Lsn> lock;
  SteadyTime locked_at{};     ///< when that record was read
  Oid database;               ///< of the locks
  std::map<Oid, Lsn> locked;  ///< where each was locked first
  std::set<pg::RelationFile> made;
  std::map<pg::RelationFile, RowCounts> rows;  ///< of tables and of the server's catalogs

  void add(const Doings& other);
};

class Transactions {
 public:
  void lock(const pg::StandbyLock& lock, Lsn at, SteadyTime now);
  /// `xid` is zero where the record tells none: whoever locks it first has made it.
  void made(pg::ShortXid xid, const pg::RelationFile& file);
  void changed(pg::ShortXid xid, const pg::RowsChanged& rows);
  /// From here on it lives until COMMIT PREPARED or ROLLBACK PREPARED.
  void prepared(const pg::TransactionPrepared& prepared);
  /// All it did, with its subtransactions; it is forgotten.
  Doings end(const pg::TransactionEnd& end);
  /// What does not run any more ended without a word; prepared ones count as running.
  void forget_others_than(const pg::RunningTransactions& running);
  /// The server ended: what was in flight never commits, but for prepared ones.
  void forget_running();

  /// The earliest lock among those read after `since`: older ones have had their time.
  [[nodiscard]] std::optional<Lsn> first_lock(SteadyTime since) const;
  /// When the oldest of the locks after `since` was read.
  [[nodiscard]] std::optional<SteadyTime> oldest_after(SteadyTime since) const;
  [[nodiscard]] std::size_t size() const { return doings_.size(); }

 private:
  std::map<pg::ShortXid, Doings> doings_;
  std::set<pg::ShortXid> prepared_;
  std::set<pg::RelationFile> made_by_nobody_;
};

}  // namespace pgkeel::shadow
