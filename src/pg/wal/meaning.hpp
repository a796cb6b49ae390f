// What a WAL record means to whoever watches over data: transactions that end, relations and
// databases that come and go, locks, rows that change, messages. Most records mean nothing here.
// It guarantees: lengths and counts of the record are checked before anything is believed.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "pg/wal/record.hpp"

namespace pgkeel::pg {

/// A commit or an abort (xact.h: xl_xact_commit, xl_xact_abort).
struct TransactionEnd {
  bool committed = false;
  bool prepared = false;  ///< COMMIT PREPARED or ROLLBACK PREPARED
  ShortXid xid;           ///< of the transaction; of a savepoint's rollback the subtransaction
  WallTime at;
  Oid database;  ///< zero: the record does not tell
  std::vector<ShortXid> subtransactions;
  std::vector<RelationFile> dropped;  ///< files that go with it
  std::string gid;                    ///< of a prepared one, where the record tells
};

/// PREPARE TRANSACTION: what its end will do is decided here.
struct TransactionPrepared {
  ShortXid xid;
  WallTime at;
  Oid database;
  std::string gid;
  std::vector<ShortXid> subtransactions;
  std::vector<RelationFile> dropped_on_commit;
  std::vector<RelationFile> dropped_on_abort;
};

/// Subtransactions told to belong to a transaction.
struct SubtransactionsAssigned {
  ShortXid xid;
  std::vector<ShortXid> subtransactions;
};

/// An AccessExclusiveLock a standby must take.
struct StandbyLock {
  ShortXid xid;  ///< may be a subtransaction
  Oid database;
  Oid relation;
};
struct StandbyLocks {
  std::vector<StandbyLock> locks;
};

struct RunningTransactions {
  ShortXid next;
  ShortXid oldest_running;
  bool complete = true;  ///< subtransactions are listed too
  std::vector<ShortXid> running;
};

struct FileCreated {
  RelationFile file;
  Fork fork = Fork::Main;
};
struct FileTruncated {
  RelationFile file;
  std::uint32_t blocks = 0;  ///< that are left
};

struct DatabaseCreated {
  Oid database;
  Oid tablespace;
};
struct DatabaseDropped {
  Oid database;
  std::vector<Oid> tablespaces;
};
struct TablespaceCreated {
  Oid tablespace;
  std::string location;
};
struct TablespaceDropped {
  Oid tablespace;
};

/// Rows of one relation changed by one record.
struct RowsChanged {
  RelationFile file;
  std::uint32_t inserted = 0;
  std::uint32_t updated = 0;
  std::uint32_t deleted = 0;
};
/// A row of a catalog overwritten where it is, outside any transaction: DROP DATABASE begins so.
struct RowOverwritten {
  RelationFile file;
  std::uint32_t block = 0;
  std::uint16_t item = 0;
  ByteSpan row;  ///< without the tuple's header; empty: it is in the page's image
};
/// TRUNCATE as logical decoding sees it; only at wal_level = logical.
struct RelationsTruncated {
  Oid database;
  std::vector<Oid> relations;
};

/// pg_logical_emit_message().
struct LogicalMessage {
  Oid database;
  bool transactional = false;
  std::string_view prefix;
  std::string_view content;
};

/// The server ends with it, or a recovery did: what was in flight is gone.
struct EndOfRecovery {
  TimelineId timeline;
  TimelineId previous;
};
struct RestorePoint {
  WallTime at;
  std::string name;
};
struct Shutdown {};

using WalMeaning =
    std::variant<std::monostate, TransactionEnd, TransactionPrepared, SubtransactionsAssigned,
                 StandbyLocks, RunningTransactions, FileCreated, FileTruncated, DatabaseCreated,
                 DatabaseDropped, TablespaceCreated, TablespaceDropped, RowsChanged, RowOverwritten,
                 RelationsTruncated, LogicalMessage, EndOfRecovery, RestorePoint, Shutdown>;

/// std::monostate for all that is nothing of these. Malformed when the record is shorter than what
/// it says. Spans and views of the result point into the record.
[[nodiscard]] Result<WalMeaning> meaning_of(const WalRecord& record, const WalContents& contents,
                                            int major);

}  // namespace pgkeel::pg
