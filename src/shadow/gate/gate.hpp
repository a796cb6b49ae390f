// How far the shadow may be given WAL: not beyond the point at which data may be gone for good.
// Pure; fed with WAL records in order, ahead of the shadow (docs/adr/0009).
// It guarantees: what it held is passed only when it is released; what it let through it never
// takes back. It waits for the fate of a transaction that holds a lock no longer than it was told:
// then the lock goes through, and what that destroys is held before its commit, the tables locked.
// It refuses to judge: a hold says what the WAL tells, whoever knows the relations releases it.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "shadow/gate/transactions.hpp"

namespace pgkeel::shadow {

enum class HoldKind {
  Files,     ///< of relations that were there before: dropped, truncated or written anew
  Rows,      ///< very many of one table deleted or updated
  Database,  ///< dropped
};
[[nodiscard]] std::string_view to_string(HoldKind kind);  ///< "files"

struct Hold {
  Lsn before;   ///< the shadow gets nothing from here on
  Lsn decided;  ///< the start of the record that decided it: the commit
  HoldKind kind = HoldKind::Files;
  /// False: the lock had gone through, and the relations cannot be read where the shadow stands.
  bool readable = true;
  pg::ShortXid xid;
  WallTime at;  ///< of the commit
  Oid database;
  std::vector<Oid> relations;                  ///< that were locked
  std::vector<pg::RelationFile> files;         ///< that go, but for those it made itself
  std::vector<pg::RelationFile> files_made;    ///< and that stay
  std::map<pg::RelationFile, RowCounts> rows;  ///< of Rows: the tables with so many
};

struct GateBounds {
  Millis fate{1'000};          ///< a transaction that holds a lock is waited for
  std::uint64_t rows = 1'000;  ///< deleted or updated in one table by one transaction
};

class Gate {
 public:
  /// `from`: where the shadow stands.
  Gate(GateBounds bounds, int major, Lsn from) : bounds_(bounds), major_(major), passed_(from) {}

  /// The next record, and what it means.
  void read(const pg::WalRecord& record, const pg::WalMeaning& meaning, SteadyTime now);
  /// How far the shadow may go by now. Never less than before.
  Lsn limit(SteadyTime now);
  /// When limit() says more without another record; nothing: not by itself.
  [[nodiscard]] std::optional<SteadyTime> due(SteadyTime now) const;

  /// Not released yet, the first one first.
  [[nodiscard]] const std::deque<Hold>& holds() const { return holds_; }
  void release(Lsn before);

 private:
  struct Invalidated {
    Lsn at;
    SteadyTime read_at;
    std::optional<Oid> database;  ///< none: its row is in the page's image
  };
  void ended(const pg::WalRecord& record, const pg::TransactionEnd& end);
  void overwritten(const pg::WalRecord& record, const pg::RowOverwritten& row, SteadyTime now);
  void database_dropped(const pg::WalRecord& record, const pg::DatabaseDropped& dropped);
  void hold(Hold hold);

  GateBounds bounds_;
  int major_;
  Lsn passed_;  ///< limit() has said so
  Lsn read_;    ///< behind the last record
  Transactions transactions_;
  std::deque<Hold> holds_;
  std::vector<Invalidated> invalidated_;
};

}  // namespace pgkeel::shadow
