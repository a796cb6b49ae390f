// The table. Advice names the safe thing first and never what only hides the damage.
#include "diagnose/log_meaning.hpp"

#include <algorithm>
#include <array>

namespace pgkeel::diagnose {
namespace {

using enum pg::Signature;
constexpr auto kInfo = incident::Severity::Info;
constexpr auto kWarn = incident::Severity::Warning;
constexpr auto kCritical = incident::Severity::Critical;

// clang-format off
constexpr auto kMeanings = std::to_array<LogMeaning>({
    // A server that does not start.
    {LockFileExists, kCritical, "a lock file of another or a dead server stood in the way of a start", "the guard clears a stale one; never delete postmaster.pid by hand while a postgres process runs"},
    {LockFileBroken, kCritical, "the server's lock file was empty or garbled", "the guard sets it aside when no server runs"},
    {SocketLockExists, kCritical, "the lock file of the server's socket was left behind", "remove it when no process of its pid runs"},
    {SharedMemoryInUse, kCritical, "children of a dead server still ran when it was started", "wait for them or end them; the guard does"},
    {PortTaken, kCritical, "another program listened on the server's port", "see who: 'ss -ltnp'"},
    {NoListenSockets, kCritical, "the server could listen nowhere", "look at listen_addresses and at who holds the port"},
    {ConfigErrors, kCritical, "the server refused its configuration", "the line before it names file and line"},
    {ConfigUnrecognized, kCritical, "a setting in the configuration is not known to this server", "remove it, or load the library it belongs to"},
    {ConfigInvalidValue, kWarn, "a setting in the configuration has a value the server refuses", "mend it; the old value stays until then"},
    {ConfigSyntax, kCritical, "the configuration has a syntax error", "mend the line that is named"},
    {ConfigMissing, kCritical, "the configuration file could not be read", "restore it, or its rights"},
    {HbaUnreadable, kCritical, "pg_hba.conf could not be loaded", "mend it: the last good one is in the ledger"},
    {FilesIncompatible, kCritical, "the server's programs are of another major version than its data", "run the former major's image or package again; an upgrade is pg_upgrade or dump and restore"},
    {WrongOwner, kCritical, "the data directory belongs to another user", "give it back to the server's account: chown, with no server running"},
    {WrongPermissions, kCritical, "the mode of the data directory is one the server refuses", "chmod 0700 on it"},
    {DataDirMissing, kCritical, "the data directory was not there", "look for a missing mount first, then for the volume"},
    {ControlFileChecksum, kCritical, "the control file is damaged", "restore a backup beside it; never pg_resetwal"},
    {ControlFileMissing, kCritical, "the control file is gone", "restore a backup beside it; never pg_resetwal"},
    {CheckpointMissing, kCritical, "the WAL the server needs to start is gone or damaged", "fetch it from the archive or restore a backup; never pg_resetwal"},
    {RedoMissing, kCritical, "a backup was started without the WAL it needs", "restore it with recovery.signal and restore_command ('pgkeel restore' does)"},
    {LibraryMissing, kCritical, "a library named in shared_preload_libraries is not installed", "go back to the image or package that has it"},
    {MemoryUnavailable, kCritical, "the server could not get the shared memory it asks for", "lower shared_buffers, or give the machine or container more memory"},
    {StartupFailed, kCritical, "the server gave up its start", "the lines before it say why"},
    // How it ended.
    {ShutdownFast, kInfo, "somebody asked the server to stop (fast)", ""},
    {ShutdownSmart, kInfo, "somebody asked the server to stop when all clients had left (smart)", ""},
    {ShutdownImmediate, kWarn, "somebody had the server stop at once (immediate): it recovers at its next start", ""},
    {PidFileLost, kCritical, "the server stopped because its lock file vanished or changed", "was its data directory moved, or its volume replaced, under it?"},
    {ProcessKilled, kCritical, "a server process was killed with signal 9, by the kernel for want of memory or by a hand", "look for 'Out of memory' in 'dmesg'; lower work_mem and max_connections or raise the limit"},
    {ProcessCrashed, kCritical, "a server process crashed", "the DETAIL names the statement; an extension or bad memory is likely when it comes again"},
    {CrashCollateral, kInfo, "sessions were ended because another server process crashed", ""},
    {CrashRestart, kInfo, "the server began anew after a crash of one of its processes", ""},
    {AdminTermination, kInfo, "a session was ended by an administrator's command or a shutdown", ""},
    {Interrupted, kWarn, "the server had ended without a shutdown (kill, power, stop grace of a container)", "give the container a longer stop_grace_period"},
    {NotShutDownProperly, kInfo, "it recovered from its WAL", ""},
    {NotYetAccepting, kInfo, "clients came while the server was starting, recovering or stopping", ""},
    {InitdbRan, kWarn, "a new, empty cluster was initialised", "if you had data: the volume was replaced; stop, and look for the old volume"},
    {InitSkipped, kInfo, "the volume holds a cluster, so POSTGRES_DB and initdb scripts were ignored", "create the database by hand, or name it in instance.databases"},
    {MountPathOld, kCritical, "an image of 18 or later refuses a volume mounted at the old place", "mount it at /var/lib/postgresql"},
    {DirNotEmpty, kCritical, "initdb refused a directory that is not empty", "put PGDATA into a subdirectory of the mount; when it holds PostgreSQL's files, look at them first"},
    // Disks and memory.
    {WalDiskFull, kCritical, "the disk of the WAL was full", "make room on it, or end what keeps the WAL (a slot, a failing archive_command); never delete from pg_wal"},
    {SharedMemoryFull, kWarn, "/dev/shm was too small for a parallel query", "give the container 'shm_size: 256mb' or more, or lower max_parallel_workers_per_gather"},
    {DiskFull, kCritical, "a disk of the server was full", "make room on it; never VACUUM FULL on a full disk"},
    {InputOutputError, kCritical, "the disk could not be read or written", "copy the data off it; look at 'dmesg' and SMART"},
    {FsyncFailed, kCritical, "what was written may not have reached the disk", "look at 'dmesg' and SMART; a second time: move to another disk"},
    {ReadOnlyFileSystem, kCritical, "the server met a read-only file system", "find out why before you remount it ('dmesg')"},
    {ForkFailed, kCritical, "the server could not start another process", "raise pids.max or the limit of processes"},
    {OutOfMemory, kWarn, "a session could not get memory", "lower work_mem, or give more memory"},
    {OutOfLocks, kWarn, "the shared lock table was full", "raise max_locks_per_transaction (restart)"},
    {TooManyOpenFiles, kWarn, "the server ran out of file descriptors", "raise the limit (ulimit -n), or lower max_files_per_process"},
    {TempFileLimit, kInfo, "a query was ended by temp_file_limit", "look at that query"},
    // Damage.
    {PageCorrupt, kCritical, "a data page is damaged", "restore the relation beside the live one ('pgkeel undrop'); check the disk; never zero_damaged_pages"},
    {IndexCorrupt, kCritical, "an index is damaged", "check the table with pg_amcheck --heapallindexed, then REINDEX INDEX CONCURRENTLY"},
    {ToastMissing, kCritical, "a part of a large value is gone", "restore the table beside the live one ('pgkeel undrop')"},
    {TransactionStatusMissing, kCritical, "the state of a transaction is gone (pg_xact)", "restore a backup beside it; do not write on"},
    {RelationFileMissing, kCritical, "the file of a table or index is gone", "restore it beside the live one ('pgkeel undrop'); who deleted it?"},
    {DatabaseFilesMissing, kCritical, "the files of a database are gone", "restore to before it ('pgkeel restore --to lsn')"},
    {DatabaseInvalid, kCritical, "a DROP DATABASE was interrupted: the database cannot be used", "drop it for good, or restore it ('pgkeel undrop')"},
    {CollationMismatch, kWarn, "text is sorted by other rules than the indexes were built with (another libc or ICU)", "go back to the former image; or REINDEX, then ALTER ... REFRESH COLLATION VERSION"},
    {WraparoundNear, kWarn, "transaction ids are coming to their end: vacuum is held up", "find what holds it: old transactions, prepared ones, slots; then VACUUM"},
    {WraparoundStop, kCritical, "the server takes no more writes: its transaction ids are used up", "end what holds vacuum back, then VACUUM the database as a superuser"},
    // Missing things.
    {DatabaseMissing, kWarn, "a client asked for a database that does not exist", "dropped, never created, or a wrong URL: 'pgkeel undrop list' knows what was there"},
    {RelationMissing, kInfo, "a statement named a table that does not exist", "a migration that did not run, another schema, or dropped: 'pgkeel undrop list'"},
    {RoleMissing, kInfo, "somebody logs in as a role that does not exist, often a health check without -U", "healthcheck: pg_isready -U USER -d DATABASE"},
    {PasswordRejected, kWarn, "a password was rejected", "the password of a volume is set when it is first initialised; changing the environment later changes nothing"},
    {HbaRejected, kWarn, "pg_hba.conf has no line for a client", "add the line; the message says which host, user and database"},
    // Clients and load.
    {TooManyClients, kCritical, "connections were used up", "end idle ones of the greatest user, use a pool; more connections only need more memory"},
    {ConnectionLimit, kWarn, "a role or database has reached its connection limit", "ALTER ROLE ... CONNECTION LIMIT, or a smaller pool"},
    {TooManyWalSenders, kWarn, "more standbys or receivers than max_wal_senders allows", "raise max_wal_senders (restart)"},
    {TlsFailed, kInfo, "a TLS connection could not be made", "a client that speaks no TLS, or does not trust the certificate: see its expiry"},
    {CertificateKeyOpen, kCritical, "the TLS key may be read by others: the server refuses it", "chmod 0600 on it"},
    {CertificateUnreadable, kCritical, "the TLS certificate or key could not be loaded", "renew or restore the file, then reload"},
    {IdleInTransactionTimeout, kInfo, "a session was ended because it did nothing in an open transaction", "the app leaks transactions: look at its error paths"},
    {Deadlock, kInfo, "transactions waited for each other; one was ended", "retry it; take locks in one order"},
    {SerializationFailure, kInfo, "a transaction could not be serialised", "retry it"},
    {RecoveryConflict, kInfo, "a query on a standby was in the way of replay", "retry it; hot_standby_feedback or a longer max_standby_streaming_delay"},
    {LockTimeout, kInfo, "a lock was not had in time", "find who blocks: pg_blocking_pids()"},
    {StatementTimeout, kInfo, "a statement ran into statement_timeout", "look at its plan"},
    {StatementCanceled, kInfo, "a statement was cancelled", ""},
    {ReadOnlyTransaction, kWarn, "somebody wrote on a standby or in a read-only transaction", "point the app at the primary"},
    {ObjectInUse, kInfo, "a database could not be dropped or renamed: it was in use", ""},
    {ClientLost, kInfo, "clients went away without a word", "the network, a proxy's idle timeout, or an app that was killed"},
    // The archive and standbys.
    {ArchiveCommandFailed, kWarn, "archive_command fails: WAL is kept until it succeeds", "its own words stand beside it; never delete from pg_wal"},
    {SlotInvalidated, kWarn, "a replication slot was given up because it kept too much WAL", "rebuild its standby"},
    {WalSegmentRemoved, kWarn, "a standby asked for WAL that is gone", "let it fetch from the archive, or build it anew"},
    {SyncWaitCanceled, kCritical, "commits were acknowledged before their synchronous standby had them", ""},
    {ForeignSystem, kCritical, "WAL or a primary of another cluster was met", "stop archiving into this store: a cluster was initialised anew"},
    {TimelineDiverged, kCritical, "a standby followed another branch of the history", "build it anew, or pg_rewind it, after keeping its WAL"},
    {StandbySettingsLow, kWarn, "settings of a standby are lower than its primary's", "raise them on the standby"},
    {WalSenderTimeout, kInfo, "a standby or receiver was silent for too long", "the network, or a standby that hangs"},
    {TargetNotReached, kCritical, "a restore ended before its target: WAL is missing", "choose a moment that can be reached; do not promote it"},
    {BackupWalMissing, kCritical, "a backup lacks the WAL of its own end", "restore the backup before it"},
});
// clang-format on

struct Consequences {
  pg::Signature of;
  std::span<const pg::Signature> are;
};

constexpr auto kOfCrash =
    std::to_array<pg::Signature>({CrashCollateral, CrashRestart, Interrupted, NotShutDownProperly,
                                  NotYetAccepting, AdminTermination, TooManyClients, ClientLost});
constexpr auto kOfFullWal = std::to_array<pg::Signature>(
    {ProcessCrashed, CrashCollateral, CrashRestart, Interrupted, NotShutDownProperly,
     NotYetAccepting, StartupFailed, ClientLost, LockFileExists, DiskFull});
constexpr auto kOfStop = std::to_array<pg::Signature>(
    {AdminTermination, NotYetAccepting, Interrupted, NotShutDownProperly, ClientLost});
constexpr auto kOfBrokenStart =
    std::to_array<pg::Signature>({StartupFailed, NotYetAccepting, NoListenSockets, ConfigErrors});
constexpr auto kOfArchive = std::to_array<pg::Signature>({WalDiskFull, DiskFull});
constexpr auto kOfDisk =
    std::to_array<pg::Signature>({ProcessCrashed, CrashCollateral, CrashRestart, Interrupted,
                                  NotShutDownProperly, NotYetAccepting, StartupFailed});
constexpr auto kOfInterruption =
    std::to_array<pg::Signature>({NotShutDownProperly, NotYetAccepting, LockFileExists});
constexpr auto kOfPageDamage = std::to_array<pg::Signature>({PageCorrupt, IndexCorrupt});

constexpr auto kConsequences = std::to_array<Consequences>({
    {ProcessKilled, kOfCrash},
    {ProcessCrashed, kOfCrash},
    {WalDiskFull, kOfFullWal},
    {FsyncFailed, kOfDisk},
    {InputOutputError, kOfDisk},
    {ReadOnlyFileSystem, kOfDisk},
    {ShutdownFast, kOfStop},
    {ShutdownSmart, kOfStop},
    {ShutdownImmediate, kOfStop},
    {Interrupted, kOfInterruption},
    {PortTaken, kOfBrokenStart},
    {ConfigUnrecognized, kOfBrokenStart},
    {ConfigInvalidValue, kOfBrokenStart},
    {ConfigSyntax, kOfBrokenStart},
    {CheckpointMissing, kOfBrokenStart},
    {RedoMissing, kOfBrokenStart},
    {TransactionStatusMissing, kOfBrokenStart},
    {ArchiveCommandFailed, kOfArchive},
    {CollationMismatch, kOfPageDamage},
});

}  // namespace

const LogMeaning* meaning_of(pg::Signature signature) {
  const auto* found = std::ranges::find(kMeanings, signature, &LogMeaning::signature);
  return found == kMeanings.end() ? nullptr : found;
}

std::span<const LogMeaning> log_meanings() { return kMeanings; }

bool has_consequences(pg::Signature signature) {
  return std::ranges::find(kConsequences, signature, &Consequences::of) != kConsequences.end();
}

bool explains(pg::Signature earlier, pg::Signature later) {
  const auto* row = std::ranges::find(kConsequences, earlier, &Consequences::of);
  return row != kConsequences.end() && std::ranges::find(row->are, later) != row->are.end();
}

}  // namespace pgkeel::diagnose
