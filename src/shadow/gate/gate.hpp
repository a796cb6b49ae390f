// How far the shadow may be given WAL: not beyond the point at which data may be gone for good.
// Pure; fed with WAL records in order, ahead of the shadow (docs/adr/0009).
// It guarantees: what it held is passed only when it is released; what it let through it never
// takes back. It waits for the fate of a transaction that holds a lock no longer than it was told:
// then the lock goes through, and what that destroys is held before its commit, the tables locked.
// It refuses to judge: a hold says what the WAL tells, whoever knows the relations releases it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
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
  /// True: a gate before this one held it, and what follows may be less than the transaction did.
  bool partial = false;
  pg::ShortXid xid;
  WallTime at;  ///< of the commit
  Oid database;
  std::map<Oid, Lsn> locks;                    ///< of relations, where each was taken first
  std::vector<pg::RelationFile> files;         ///< that go, but for those it made itself
  std::map<pg::RelationFile, RowCounts> rows;  ///< of Rows: the tables with so many
};

struct GateBounds {
  Millis fate{1'000};          ///< a transaction that holds a lock is waited for
  std::uint64_t rows = 1'000;  ///< deleted or updated in one table by one transaction
};

/// Where what lies before that record ends: at the page's start where only its header lies between.
/// A standby that has a page's header and no record waits for ever. Where replay stands, too, when
/// all of it is done.
[[nodiscard]] Lsn end_before(Lsn record);

/// What a gate before this one held.
struct KeptHold {
  Lsn before;
  HoldKind kind = HoldKind::Files;
};

/// Where a gate begins that is to go on where another one ended.
struct GateStart {
  GateBounds bounds;
  Lsn passed;                         ///< the shadow has been given all up to here
  std::set<Lsn> released;             ///< Hold::decided of those that were
  std::map<Lsn, KeptHold> kept = {};  ///< by Hold::decided, of those that were not
};

class Gate {
 public:
  Gate(GateStart start, int major)
      : bounds_(start.bounds),
        major_(major),
        passed_(start.passed),
        released_(std::move(start.released)),
        kept_(std::move(start.kept)) {}

  /// The next record, and what it means.
  void read(const pg::WalRecord& record, const pg::WalMeaning& meaning, SteadyTime now);
  /// How far the shadow may go by now. Never less than before.
  Lsn limit(SteadyTime now);
  /// When limit() says more without another record; nothing: not by itself.
  [[nodiscard]] std::optional<SteadyTime> due(SteadyTime now) const;

  /// Not released yet, the first one first.
  [[nodiscard]] const std::deque<Hold>& holds() const { return holds_; }
  /// That one never holds again, also when its WAL is read anew, or has not been read yet.
  void release(Lsn decided);
  /// Up to a later lock of the same transaction: what was locked before is not lost.
  void move(Lsn decided, Lsn before);
  /// Hold::decided of those that were released, as far as their WAL may be read again.
  [[nodiscard]] const std::set<Lsn>& released() const { return released_; }
  void forget_released_before(Lsn position);
  /// Behind the last record that was read.
  [[nodiscard]] Lsn position() const { return read_; }
  /// As far as limit() has said.
  [[nodiscard]] Lsn passed() const { return passed_; }

 private:
  struct Invalidated {
    Lsn at;
    SteadyTime read_at;
    std::optional<Oid> database;  ///< none: its row is in the page's image
  };
  void ended(const pg::WalRecord& record, const pg::TransactionEnd& end);
  void overwritten(const pg::WalRecord& record, const pg::RowOverwritten& row, SteadyTime now);
  void database_dropped(const pg::WalRecord& record, const pg::DatabaseDropped& dropped);
  bool hold_again(Hold& hold);
  void hold(Hold hold);

  GateBounds bounds_;
  int major_;
  Lsn passed_;  ///< limit() has said so
  Lsn read_;    ///< behind the last record
  Transactions transactions_;
  std::deque<Hold> holds_;
  std::set<Lsn> released_;
  std::map<Lsn, KeptHold> kept_;  ///< whose WAL was not read again yet
  std::vector<Invalidated> invalidated_;
};

}  // namespace pgkeel::shadow
