// What goes on inside a running server, as its statistics views tell: who holds connections and
// transactions, who waits for whom, what keeps WAL and old row versions, how far the transaction
// ids are from their end. Asked rarely; texts of statements are never kept.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::sense {

/// Client sessions that are alike.
struct SessionGroup {
  std::string user;
  std::string application;
  std::string database;
  std::string state;  ///< "active", "idle", "idle in transaction"
  int sessions = 0;
  Seconds longest{0};  ///< since the one of them that has been in this state longest
};

/// A session that has a transaction open, and how many wait for a lock it holds.
struct OpenTransaction {
  pid_t pid = 0;
  std::string user;
  std::string application;
  std::string database;
  std::string state;
  Seconds open_for{0};
  Seconds in_state_for{0};
  int blocks = 0;             ///< sessions that wait for it, directly or behind another
  int blocking_looks = 0;     ///< looks in a row, this one included, in which some did
  std::string waiting;        ///< some of those: "pid 12 (app, cron)"
  std::int64_t xmin_age = 0;  ///< transactions since the oldest it may still see; 0: none
};

struct PreparedTransaction {
  std::string gid;
  std::string database;
  std::string owner;
  Seconds prepared_for{0};
  std::int64_t xmin_age = 0;
};

struct ReplicationSlot {
  std::string name;
  bool logical = false;
  bool active = false;
  bool synced = false;              ///< on a standby: kept for a failover, inactive by nature
  int idle_looks = 0;               ///< looks in a row, this one included, that found it inactive
  SteadyTime idle_since;            ///< the first of them
  Seconds inactive_for{0};          ///< by the server's own account (17 and later)
  std::int64_t retained_bytes = 0;  ///< WAL kept for it
  std::string wal_status;           ///< "reserved", "extended", "unreserved", "lost"
  std::int64_t xmin_age = 0;        ///< as of a transaction; 0: none
};

/// How old the oldest row version of a database is, in transactions; at 2^31 the server stops.
struct FreezeAge {
  std::string database;
  std::int64_t transactions = 0;
  std::int64_t multixacts = 0;
};

/// The server's own archiver, where one runs.
struct ArchiverFacts {
  std::int64_t archived = 0;
  std::int64_t failed = 0;
  std::string last_failed_wal;
  std::optional<WallTime> last_archived_at;
  std::optional<WallTime> last_failed_at;
  int failing_looks = 0;  ///< looks in a row, this one included, at which the last try had failed
  SteadyTime failing_since;  ///< the first of them, with no success since
};

/// A look that is older says nothing of now.
inline constexpr Seconds kActivityKept{180};

struct ActivityFacts {
  SteadyTime at;
  bool seen = false;                 ///< false until the first look
  std::string unavailable;           ///< why the last look failed; what it saw before is gone
  bool sees_others = true;           ///< false: the role may not see other roles' sessions
  std::vector<SessionGroup> groups;  ///< the largest first
  std::vector<OpenTransaction> transactions;  ///< the oldest first
  std::vector<PreparedTransaction> prepared;  ///< the oldest first
  std::vector<ReplicationSlot> slots;         ///< the one that keeps most first
  std::vector<FreezeAge> freeze;              ///< the oldest first
  std::optional<ArchiverFacts> archiver;      ///< none: no archiver runs here
  std::int64_t freeze_max_age = 0;            ///< autovacuum_freeze_max_age
  [[nodiscard]] bool fresh(SteadyTime now) const { return seen && now - at <= kActivityKept; }
};

/// Of each list, so that a server with 10,000 sessions costs what one with ten does.
inline constexpr int kActivityRowsMax = 20;

}  // namespace pgkeel::sense
