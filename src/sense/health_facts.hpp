// How well a running server is, beyond being up: who waits for whom, what holds vacuum up, which
// statements take the time, how large it is and how it writes. Asked on request (doctor), never
// by the guard at rest. Texts of statements are without their literals.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::sense {

/// A session that waits for a lock, holds one somebody waits for, or has a transaction open.
struct HealthSession {
  pid_t pid = 0;
  std::string user;
  std::string application;
  std::string database;
  std::string state;
  std::optional<Seconds> open_for;  ///< its transaction
  Seconds in_state_for{0};
  std::optional<Seconds> waiting_for;  ///< for a lock; none: it waits for none
  std::int64_t xmin_age = 0;           ///< transactions since the oldest it may still see
  std::vector<pid_t> blockers;
  std::string statement;  ///< its beginning, literals hidden
};

/// What else keeps old row versions: no session of a client.
struct XminHolder {
  enum class Kind { PreparedTransaction, Slot, Standby };
  Kind kind = Kind::Slot;
  std::string name;
  std::string
      owner;  ///< a prepared transaction's; of a slot, whether it is "physical" or "logical"
  std::string database;
  std::int64_t xmin_age = 0;
  std::optional<Seconds> held_for;
  bool active = false;  ///< a slot's
};

struct SlowStatement {
  std::string user;
  std::string database;
  std::int64_t calls = 0;
  double total_ms = 0;
  double mean_ms = 0;
  std::string text;  ///< its beginning, literals hidden
};

/// pg_stat_statements. `missing` says how to get it, `unavailable` why it could not be read.
struct StatementFacts {
  std::string missing;
  std::string unavailable;
  bool sees_others = true;
  std::vector<SlowStatement> by_total;
  std::vector<SlowStatement> by_mean;
};

/// A role or a database with a limit of its own.
struct ConnectionLimit {
  enum class Of { Role, Database };
  Of of = Of::Role;
  std::string name;
  int used = 0;
  int limit = 0;
};

struct DatabaseHealth {
  std::string name;
  std::optional<std::int64_t> bytes;  ///< none: the role may not ask
  std::int64_t temp_files = 0;
  std::int64_t temp_bytes = 0;
  std::optional<WallTime> counted_since;
  std::int64_t tables = 0;
  bool looked_into = false;  ///< its tables and indexes are in the lists
};

struct TableHealth {
  std::string database;
  std::string schema;
  std::string name;
  std::int64_t heap_bytes = 0;
  std::int64_t index_bytes = 0;
  std::int64_t toast_bytes = 0;
  std::int64_t live_rows = 0;
  std::int64_t dead_rows = 0;
  std::optional<WallTime> last_vacuum;  ///< by hand or by autovacuum
  [[nodiscard]] std::int64_t total_bytes() const { return heap_bytes + index_bytes + toast_bytes; }
};

struct InvalidIndex {
  std::string database;
  std::string schema;
  std::string name;
  std::string table;
  std::int64_t bytes = 0;
  bool unique = false;
  bool ready = true;         ///< false: not even new rows are in it
  bool partitioned = false;  ///< invalid until every partition has its own
  bool in_the_making = false;
};

struct CheckpointFacts {
  std::int64_t timed = 0;
  std::int64_t requested = 0;
  std::optional<WallTime> since;
  std::int64_t max_wal_bytes = 0;
  Seconds timeout{0};
};

/// Mean times of the server's own I/O since `since`; none where it is not measured.
struct IoFacts {
  std::optional<double> read_ms;
  std::int64_t reads = 0;
  std::optional<double> sync_ms;
  std::int64_t syncs = 0;
  bool timed = false;  ///< track_io_timing is on
};

struct HealthFacts {
  bool seen = false;
  std::string unavailable;          ///< no session at all
  std::vector<std::string> unseen;  ///< "slow statements: permission denied ..."
  bool sees_others = true;          ///< false: other roles' sessions are hidden
  int server_version = 0;
  std::vector<HealthSession> sessions;  ///< those of chains first, then the oldest transactions
  std::vector<XminHolder> holders;      ///< the oldest first
  StatementFacts statements;
  std::vector<ConnectionLimit> limits;    ///< the fullest first
  std::vector<DatabaseHealth> databases;  ///< the largest first
  std::vector<TableHealth> largest;       ///< of all databases looked into, the largest first
  std::vector<TableHealth> dead;          ///< those with most dead rows first; no sizes
  std::vector<InvalidIndex> invalid;
  std::optional<CheckpointFacts> checkpoints;
  IoFacts io;
};

// Of each list. A server with 100,000 tables and 10,000 sessions costs what a small one does.
inline constexpr int kHealthSessionsMax = 40;
inline constexpr int kHealthRowsMax = 10;
inline constexpr int kStatementsMax = 5;
inline constexpr std::size_t kHealthDatabasesMax = 8;  ///< looked into, the largest first
inline constexpr std::size_t kStatementBytesMax = 160;

}  // namespace pgkeel::sense
