// The Observation: everything the guard's senses know, as plain values with their age. It is the
// only thing diagnosis sees, so a recorded one replays an incident exactly.
// Guarantee: a fact is never newer than its `at`; a fact that could not be had says so instead of
// keeping an old value silently.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"
#include "instance/instance.hpp"
#include "pg/log_signature.hpp"
#include "runtime/proc.hpp"
#include "sense/activity_facts.hpp"
#include "sense/host_facts.hpp"
#include "sense/log_event.hpp"

namespace pgkeel::sense {

enum class ProcessState {
  Unknown,  ///< not looked yet, or this instance shows no processes
  Running,
  Stopped,  ///< job-control stop (SIGSTOP): alive, and answering nobody
  Absent,   ///< no postmaster of this data directory exists
};

struct ProcessFacts {
  ProcessState state = ProcessState::Unknown;
  SteadyTime at;
  pid_t pid = 0;                            ///< of the running or the last postmaster
  SteadyTime found_at;                      ///< first sight of that postmaster
  std::optional<SteadyTime> died_at;        ///< the death event, when this guard saw it
  std::optional<runtime::ExitStatus> exit;  ///< when the postmaster was our child
  std::string libc;      ///< "glibc 2.36": what the running or the last postmaster was linked with
  std::string oom_kill;  ///< the kernel's words, when it killed it for want of memory
  std::optional<SteadyTime> stopped_since;  ///< first sight of state T
  /// Its lock file says "stopping": told to shut down. Kept when it has died, to tell how.
  bool stopping = false;
  SteadyTime progress_at;  ///< last time CPU or I/O of the server's processes had moved
};

enum class ProbeResult {
  NotYet,
  Ok,
  Refused,   ///< nobody listens
  TimedOut,  ///< somebody accepts, nobody answers
  Rejected,  ///< the server said no: see sqlstate
};
[[nodiscard]] std::string_view to_string(ProbeResult result);

/// One probe's latest result and what it remembers.
struct ProbeFacts {
  ProbeResult result = ProbeResult::NotYet;
  SteadyTime at;
  WallTime wall;
  Millis took{0};
  std::string sqlstate;
  std::string note;  ///< the server's or the system's words
  int failures = 0;  ///< in a row
  SteadyTime last_ok_at;
  bool ever_ok = false;
  [[nodiscard]] bool ok() const { return result == ProbeResult::Ok; }
};

/// A fresh login over the path clients use, and what one session sees at once.
struct LoginFacts : ProbeFacts {
  bool in_recovery = false;
  int server_version = 0;  ///< 150020
  int connections_used = 0;
  int connections_max = 0;
  int connections_reserved = 0;  ///< for superusers and roles with pg_use_reserved_connections
  /// Logins in a row that found nearly all of what is left to clients in use; see kCrowdedShare.
  int crowded_looks = 0;
  SteadyTime crowded_since;  ///< the first of them
  WallTime postmaster_started;
  /// By the server's own word, where its files cannot be seen and it tells; invalid otherwise.
  SystemId system_id;
  TimelineId timeline;

  /// What clients without a special right may use, and how much of it is in use when this login's
  /// own session has ended.
  [[nodiscard]] int client_connections() const { return connections_max - connections_reserved; }
  [[nodiscard]] int client_connections_used() const { return connections_used - 1; }
};
/// Above it new clients will soon be refused.
inline constexpr double kCrowdedShare = 0.95;

/// What the role the guard logs in as may do; found out by looking, never by trying.
struct RightsFacts {
  SteadyTime at;
  bool seen = false;  ///< false until the first look
  std::string role;
  bool superuser = false;
  bool replication = false;
  bool createdb = false;
  bool owns_database = false;   ///< is, or belongs to, the owner of the database it connects to
  bool reads_stats = false;     ///< pg_read_all_stats: other roles' sessions
  bool reads_settings = false;  ///< pg_read_all_settings: where files are
  bool signals = false;         ///< pg_signal_backend: may end other roles' sessions
  bool reads_control = false;   ///< pg_control_system(): the system identifier
};

struct FilesFacts {
  SteadyTime at;
  bool seen = false;  ///< false until the first look
  instance::DataDirFacts data_dir;
  instance::LockFacts lock;
  std::vector<std::string> config_changed;  ///< paths whose bytes differ from the last good ones
  std::optional<std::string> config_error;  ///< the server's own words, when it refuses them
  /// Of the programs that would start it: 0 where that cannot be known, with the reason when there
  /// are none.
  int programs_major = 0;
  std::string programs_missing;
  std::optional<runtime::Listener> port_listener;  ///< who listens on our port while we do not run
};

/// Something the engine did to the server's container or volume.
struct EngineWord {
  SteadyTime at;
  std::string text;  ///< "container pg: die, exit code 137"
};
inline constexpr std::size_t kEngineWordsKept = 16;

/// What the container engine says about the server's container.
struct HostingView {
  SteadyTime at;
  std::optional<instance::HostingFacts> facts;  ///< none: it runs in no container
  std::optional<SteadyTime> missing_since;      ///< first look that found no such container
  std::vector<EngineWord> words;                ///< the last ones, the oldest first
};

struct Relation {
  Oid oid;
  std::string schema;
  std::string name;
  char kind = 'r';  ///< r table, p partitioned table, c partition of one
  std::string owner;
  std::int64_t size_bytes = 0;
  std::int64_t rows_estimate = 0;
  bool readable = true;  ///< the guard's role may read its rows, and so its definition by pg_dump
  std::int64_t live_rows = 0;  ///< by the server's statistics alone, which a crash empties
  [[nodiscard]] std::string qualified() const { return schema + "." + name; }
};

struct Database {
  Oid oid;
  std::string name;
  std::string owner;
  std::string encoding;
  std::string collate;
  std::string ctype;
  std::int64_t size_bytes = 0;
};

/// A WAL position of the server and when it was asked; invalid on a standby.
struct Position {
  SteadyTime at;
  Lsn lsn;
};

/// By the oid of what is gone: where the WAL was while it was surely there. That is before the last
/// look that saw it: what commits has its record written before its effect is visible.
using LastPositions = std::map<std::uint32_t, Position>;
inline constexpr std::size_t kLastPositionsKept = 10'000;

enum class RowLossKind { Truncated, Deleted };

/// A table that stayed and lost its rows, or most of them, while it was watched.
struct RowLoss {
  Oid oid;
  RowLossKind kind = RowLossKind::Truncated;
  SteadyTime since;  ///< the last look that knew the rows
  SteadyTime at;
  Lsn lsn;  ///< where the WAL was while they were there; invalid where it cannot be known
  /// Where it was at the last look that counted them. Statistics come late: of deleted rows this
  /// may be behind the deletion, `lsn` is not.
  Lsn counted_lsn;
  std::int64_t rows_before = 0;  ///< an estimate
  std::int64_t rows_after = 0;
};
inline constexpr std::size_t kRowLossesKept = 1'000;

inline constexpr std::size_t kRenamedSchemasKept = 1'000;

struct RelationListing {
  SteadyTime at;          ///< when the listing was read
  SteadyTime checked_at;  ///< when the cheap watch last said it still holds
  SteadyTime before;      ///< the last moment the former listing was known to hold
  LastPositions gone;     ///< relations that were in a former listing
  std::vector<Relation> relations;
  std::vector<std::string> schemas;  ///< all there are; empty: not asked, or too many
  /// Former names of schemas whose tables were seen to go on under another one.
  std::set<std::string> renamed_schemas;
  /// The newest loss of a table, by its oid.
  std::map<std::uint32_t, RowLoss> row_losses;
  SteadyTime counted_at;  ///< when live_rows were read
  std::string
      migrations;  ///< the table a migration tool keeps its history in; empty: there is none
  SteadyTime migrated_at;            ///< when it was last found written; none: not while we looked
  std::set<std::uint32_t> migrated;  ///< what went in the minutes after: oids
  bool truncated = false;            ///< more than kRelationsMax: absence proves nothing
  int changes = 0;                   ///< counts listings read
  int ddl_changes =
      0;  ///< counts moves of the fingerprint: something was created, altered, dropped
};

struct CatalogFacts {
  SteadyTime at;
  SteadyTime before;   ///< the last moment the former list of databases was known to hold
  LastPositions gone;  ///< databases that were in a former list
  bool seen = false;
  Position wal;  ///< at the newest look; of a server that died, what was seen of it last
  std::vector<Database> databases;
  std::map<std::string, RelationListing> listings;  ///< by database name
};

/// By which version of its sorting rules a database was made, and which the server has.
struct DatabaseCollation {
  std::string database;
  std::string recorded;  ///< empty: none was recorded
  std::string actual;    ///< empty: the server's libc has none (musl)
};

struct CollationFacts {
  SteadyTime at;
  pid_t pid = 0;                             ///< of the postmaster that was asked; 0: none was
  std::vector<DatabaseCollation> databases;  ///< those whose rules come from a library
};

/// What the server log said since the server last was ready, in its order.
struct ServerLogFacts {
  SteadyTime at;
  struct Entry {
    pg::Signature signature;
    std::string text;
  };
  std::vector<Entry> entries;
};

/// The last attempt of the guard to start the server.
struct StartFacts {
  SteadyTime at;
  bool attempted = false;
  bool failed = false;  ///< it ended again instead of becoming ready
  std::string note;
};

/// Something that keeps a backup or the WAL from being there when it is needed, by the word of
/// those who keep the archive.
struct ArchiveTrouble {
  std::string subject;  ///< what is failing, stable: "archive.backup", "archive.wal"
  std::string text;     ///< one sentence with the facts in it
  std::string hint;     ///< what a human can do
  bool urgent = false;  ///< what could be lost grows as long as it lasts
  Millis patience{0};   ///< shorter is noise
  SteadyTime since;
};

struct ArchiveFacts {
  SteadyTime at;
  /// Looked at for so long that a trouble which is not listed is not there.
  bool settled = false;
  std::vector<ArchiveTrouble> troubles;
};

/// Commits that were acknowledged before the archive had them.
struct Unprotected {
  WallTime since;
  std::optional<WallTime> until;  ///< none: still
  std::string why;
};

struct SyncFacts {
  bool seen = false;
  bool wanted = false;                     ///< commits are to wait for the archive
  bool armed = false;                      ///< at the last look they waited for it and nothing else
  std::optional<Unprotected> unprotected;  ///< the newest interval
};

/// An app asked for it and it is not there.
struct AskedFor {
  SteadyTime at;
  std::string database;  ///< empty: the log does not tell
  std::string relation;  ///< as it was called, with its schema or without
};

/// Read from the server's log as it grows, since the guard started.
struct LogWatchFacts {
  bool seen = false;  ///< false until the first look, which also reads back
  std::uint64_t sync_waits_canceled = 0;
  std::optional<SteadyTime> last_canceled_at;
  /// The newest trouble of a running server, the oldest first, kTroubleOfAKindKept of a signature.
  struct Seen {
    SteadyTime at;
    LogEvent event;
  };
  std::vector<Seen> trouble;
  std::vector<pg::DdlLine> ddl;  ///< the newest, the oldest of them first; kDdlSeenKept at most
  std::vector<AskedFor> asked;   ///< likewise, kAskedForKept at most
};
inline constexpr int kTroubleOfAKindKept = 64;
inline constexpr std::size_t kDdlSeenKept = 64;    // a migration's; the ledger has the others
inline constexpr std::size_t kAskedForKept = 256;  // an app that lost all of its tables

struct Observation {
  /// How far the senses and the guard's hands reach; everything, until the instance says less.
  instance::Capabilities reach{true, true, true, true, true};
  bool probes_writes = true;  ///< false: no write is ever tried here
  RightsFacts rights;
  ProcessFacts process;
  LoginFacts login;
  ProbeFacts write;
  FilesFacts files;
  HostingView hosting;
  CatalogFacts catalog;
  CollationFacts collations;
  ServerLogFacts server_log;
  StartFacts start;
  ArchiveFacts archive;
  SyncFacts sync;
  LogWatchFacts log_watch;
  HostFacts host;
  ActivityFacts activity;

  /// Service as a client feels it: a login and a write went through, newer than any trouble seen.
  [[nodiscard]] bool healthy() const {
    return login.ok() && (write.ok() || login.in_recovery || !probes_writes) &&
           process.state != ProcessState::Absent && process.state != ProcessState::Stopped;
  }
};

}  // namespace pgkeel::sense
