// Did the COMMIT whose answer was lost happen? Before COMMIT the transaction's id is fetched and
// received; afterwards a new session asks pg_xact_status() about it.
// An answer counts only when it is about the same transaction. The system identifier and the
// timeline must match, because a promoted standby gives the same ids to other transactions. And a
// crash may lose the WAL of a transaction that never reached the disk and give its id away again;
// pg_stat_bgwriter.stats_reset moves at every crash recovery and tells. After exactly that, the
// end-of-recovery checkpoint's next id says whether ours survived. Whatever is not proven is
// Unknown. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/strong.hpp"
#include "client/connection.hpp"

namespace pgkeel::client {

/// Constant for the lifetime of a session on a primary.
struct ServerIdentity {
  SystemId system_id;
  TimelineId timeline;      ///< 0 on a standby
  std::string crash_epoch;  ///< changes at every crash recovery; empty when it cannot be read
  friend bool operator==(const ServerIdentity&, const ServerIdentity&) = default;
};

/// What must be known before COMMIT is sent in order to ask about it later.
struct CommitProof {
  Xid xid;
  ServerIdentity server;
  pid_t backend_pid = 0;
};

/// What a new session finds, for the decision below.
struct ServerFacts {
  ServerIdentity identity;
  bool in_recovery = false;
  Lsn checkpoint;
  Lsn redo;      ///< equal to `checkpoint` for one made at shutdown or at the end of recovery
  Xid next_xid;  ///< as of that checkpoint
};

enum class ProofStep {
  AskStatus,   ///< pg_xact_status() speaks of our transaction
  NotApplied,  ///< the crash lost it
  WrongNode,   ///< a standby: ask another host
  Unprovable,  ///< another cluster, another timeline, or a crash too long ago
};

/// The pure decision: what `facts` allow to be said about `proof`.
[[nodiscard]] ProofStep judge_proof(const CommitProof& proof, const ServerFacts& facts);

struct CommitVerdict {
  Outcome outcome = Outcome::Unknown;
  std::string reason;  ///< why it stays Unknown, for the log
};

/// Asks until it knows or the limit is over: reconnects while the server is away, waits while the
/// transaction is in progress, ends its orphaned session when that idles with COMMIT never received
/// (only the same role or a superuser may; otherwise it goes on waiting).
runtime::Task<CommitVerdict> resolve_commit(runtime::Loop* loop, pg::Conninfo conninfo,
                                            CommitProof proof, Limit limit);

}  // namespace pgkeel::client
