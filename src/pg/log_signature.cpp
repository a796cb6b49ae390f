// The texts are those of PostgreSQL 13 to 18 (src/backend/postmaster, utils/init/miscinit.c,
// access/transam/xlog*.c and libpq/pqcomm.c); each is long enough not to be met in a statement's
// own text by accident, and short enough to hold in all of these versions.
#include "pg/log_signature.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace pgkeel::pg {
namespace {

using enum Signature;
using S = LogSeverity;

// The server's own words come first and are short; the rest of a long message is the user's.
constexpr std::size_t kSearchedBytesMax = 4096;

/// Levels at which a message of the server itself comes; a session's own ERROR is left out.
struct Levels {
  LogSeverity least;
  LogSeverity most;
};
constexpr Levels kLog{S::Log, S::Log};  // the server's own narrative
constexpr Levels kWarning{S::Warning, S::Warning};
constexpr Levels kFault{S::Error, S::Panic};  // something failed
constexpr Levels kFatal{S::Fatal, S::Panic};  // a process, or the start, ended with it
constexpr Levels kTrouble{S::Log, S::Panic};  // LOG where a file is checked, FATAL where it counts
constexpr Levels kPanic{S::Panic, S::Panic};

constexpr SignatureRow row(Signature signature, std::string_view name, std::string_view reference,
                           Levels levels, std::string_view sqlstate, std::string_view first,
                           std::string_view then = {}, std::string_view detail = {}) {
  return {signature, name, reference, levels.least, levels.most, sqlstate, first, then, detail};
}
constexpr SignatureRow inside(SignatureRow one) {
  one.place = WordPlace::Inside;
  return one;
}
constexpr SignatureRow at_end(SignatureRow one) {
  one.place = WordPlace::End;
  return one;
}
constexpr SignatureRow in_path(SignatureRow one) {
  one.place = WordPlace::Path;
  return one;
}

// clang-format off
constexpr auto kTable = std::to_array<SignatureRow>({
    row(SocketLockExists, "socket_lock_exists", "D13", kFatal, "F0001", "lock file \"", ".lock\" already exists"),
    row(LockFileExists, "lock_file_exists", "D12", kFatal, "F0001", "lock file \"", "\" already exists"),
    row(LockFileBroken, "lock_file_broken", "D12", kFatal, "", "lock file \"", "\" is empty"),
    row(LockFileBroken, "lock_file_broken", "D12", kFatal, "", "bogus data in lock file \""),
    row(SharedMemoryInUse, "shared_memory_in_use", "D12", kFatal, "F0001", "pre-existing shared memory block", "still in use"),
    at_end(row(PortTaken, "port_taken", "K40", kTrouble, "", "could not bind ", "Address already in use")),
    row(NoListenSockets, "no_listen_sockets", "K40", kFatal, "", "could not create any TCP/IP sockets"),
    row(NoListenSockets, "no_listen_sockets", "K40", kFatal, "", "could not create any Unix-domain sockets"),
    row(ConfigUnrecognized, "config_unrecognized", "K43", kTrouble, "42704", "unrecognized configuration parameter \"", "\" in file \""),
    row(ConfigUnrecognized, "config_unrecognized", "K43", kFatal, "42704", "unrecognized configuration parameter \""),
    row(ConfigInvalidValue, "config_invalid_value", "K43", kLog, "22023", "invalid value for parameter \""),
    row(ConfigInvalidValue, "config_invalid_value", "K43", kFatal, "22023", "invalid value for parameter \""),
    inside(row(ConfigInvalidValue, "config_invalid_value", "K43", kLog, "22023", "is outside the valid range for parameter \"")),
    inside(row(ConfigInvalidValue, "config_invalid_value", "K43", kFatal, "22023", "is outside the valid range for parameter \"")),
    row(ConfigInvalidValue, "config_invalid_value", "K43", kLog, "22023", "parameter \"", "\" requires a "),
    row(ConfigSyntax, "config_syntax", "K43", kTrouble, "42601", "syntax error in file \"", "\" line "),
    row(ConfigErrors, "config_errors", "K43", kTrouble, "F0000", "configuration file \"", "\" contains errors"),
    row(HbaUnreadable, "hba_unreadable", "K43", kFatal, "", "could not load ", "pg_hba.conf"),
    row(ConfigMissing, "config_missing", "K43", kTrouble, "", "could not access the server configuration file"),
    row(ConfigMissing, "config_missing", "K43", kTrouble, "", "could not open configuration file \""),
    row(FilesIncompatible, "files_incompatible", "D5", kFatal, "22023", "database files are incompatible with server"),
    row(WrongOwner, "wrong_owner", "D10", kFatal, "", "data directory \"", "\" has wrong ownership"),
    row(WrongPermissions, "wrong_permissions", "D10", kFatal, "", "data directory \"", "\" has invalid permissions"),
    row(DataDirMissing, "data_dir_missing", "K25", kFatal, "", "data directory \"", "\" does not exist"),
    row(DataDirMissing, "data_dir_missing", "K25", kFatal, "", "could not access directory \"", "No such file or directory"),
    inside(row(DataDirMissing, "data_dir_missing", "K25", kFatal, "", "\" is not a valid data directory")),
    row(ControlFileChecksum, "control_file_checksum", "K25", kFatal, "", "incorrect checksum in control file"),
    row(ControlFileMissing, "control_file_missing", "K25", kFatal, "", "could not find the database system"),
    row(ControlFileMissing, "control_file_missing", "K25", kFatal, "", "could not open file \"", "global/pg_control\": No such file"),
    row(CheckpointMissing, "checkpoint_missing", "K12", kFatal, "", "could not locate a valid checkpoint record"),
    row(RedoMissing, "redo_missing", "K13", kFatal, "", "could not locate required checkpoint record"),
    row(RedoMissing, "redo_missing", "K13", kFatal, "", "could not find redo location"),
    row(LibraryMissing, "library_missing", "K44", kFatal, "58P01", "could not access file \"", "\": No such file or directory"),
    row(LibraryMissing, "library_missing", "K44", kFatal, "", "could not load library \""),
    row(MemoryUnavailable, "memory_unavailable", "K36", kFatal, "", "could not map anonymous shared memory"),
    row(MemoryUnavailable, "memory_unavailable", "K36", kFatal, "", "could not create shared memory segment"),
    inside(row(StartupFailed, "startup_failed", "", kLog, "", " due to startup process failure")),

    row(ShutdownFast, "shutdown_fast", "", kLog, "", "received fast shutdown request"),
    row(ShutdownSmart, "shutdown_smart", "", kLog, "", "received smart shutdown request"),
    row(ShutdownImmediate, "shutdown_immediate", "", kLog, "", "received immediate shutdown request"),
    row(ShutdownDone, "shutdown_done", "", kLog, "", "database system is shut down"),
    inside(row(PidFileLost, "pid_file_lost", "", kLog, "", "because data directory lock file is invalid")),
    row(ReloadRequested, "reload_requested", "", kLog, "", "received SIGHUP, reloading configuration files"),
    inside(row(ProcessKilled, "process_killed", "K1", kLog, "", " (PID ", ") was terminated by signal 9:")),
    inside(row(ProcessCrashed, "process_crashed", "K2", kLog, "", " (PID ", ") was terminated by signal ")),
    row(CrashRestart, "crash_restart", "K1", kLog, "", "all server processes terminated; reinitializing"),
    inside(row(CrashCollateral, "crash_collateral", "K3", kTrouble, "57P02", "because of crash of another server process")),
    row(AdminTermination, "admin_termination", "K4", kFatal, "57P01", "terminating ", "due to administrator command"),

    row(SyncWaitCanceled, "sync_wait_canceled", "", kWarning, "", "canceling wait for synchronous replication"),
    row(SyncWaitCanceled, "sync_wait_canceled", "", kWarning, "57P01", "canceling the wait for synchronous replication"),

    row(Starting, "starting", "", kLog, "", "starting PostgreSQL "),
    row(WasShutDown, "was_shut_down", "", kLog, "", "database system was shut down"),
    row(Interrupted, "interrupted", "D15", kLog, "", "database system was interrupted"),
    row(NotShutDownProperly, "not_shut_down_properly", "D15", kLog, "", "database system was not properly shut down"),
    row(RedoStarts, "redo_starts", "", kLog, "", "redo starts at "),
    row(RedoProgress, "redo_progress", "", kLog, "", "redo in progress, elapsed time"),
    row(RedoDone, "redo_done", "", kLog, "", "redo done at "),
    row(RedoNotNeeded, "redo_not_needed", "", kLog, "", "redo is not required"),
    row(Ready, "ready", "", kLog, "", "database system is ready to accept connections"),
    row(ReadyReadOnly, "ready_read_only", "", kLog, "", "database system is ready to accept read"),
    row(NotYetAccepting, "not_yet_accepting", "K5", kFatal, "57P03", "the database system is "),
    row(InitdbRan, "initdb_ran", "D2", kLog, "", "The files belonging to this database system will be owned by"),

    at_end(row(SharedMemoryFull, "shared_memory_full", "D8", kFault, "53100", "could not resize shared memory segment", "No space left on device")),
    at_end(row(WalDiskFull, "wal_disk_full", "K7", kTrouble, "53100", "pg_wal/", "No space left on device")),
    at_end(row(DiskFull, "disk_full", "K6", kTrouble, "53100", "No space left on device")),
    in_path(row(WalDiskFull, "wal_disk_full", "K7", kTrouble, "53100", "pg_wal/")),
    in_path(row(SharedMemoryFull, "shared_memory_full", "D8", kFault, "53100", "/PostgreSQL.")),
    row(DiskFull, "disk_full", "K6", kFault, "53100", ""),
    row(FsyncFailed, "fsync_failed", "K18", kTrouble, "58030", "could not fsync file \""),
    row(ToastMissing, "toast_missing", "K17", kFault, "XX001", "missing chunk number "),
    row(ToastMissing, "toast_missing", "K17", kFault, "XX001", "unexpected chunk number "),
    row(DiskFull, "disk_full", "K6", kFault, "53100", "could not access status of transaction ", {}, "No space left on device"),
    row(TransactionStatusMissing, "transaction_status_missing", "K17", kFault, "58P01", "could not access status of transaction ", {}, "No such file or directory"),
    row(TransactionStatusMissing, "transaction_status_missing", "K17", kFault, "XX000", "could not access status of transaction ", {}, "read too few bytes"),
    in_path(row(TransactionStatusMissing, "transaction_status_missing", "K17", kFault, "58P01", "could not access status of transaction ")),
    row(InputOutputError, "input_output_error", "K18", kFault, "58030", "could not access status of transaction ", {}, "Input/output error"),
    at_end(row(InputOutputError, "input_output_error", "K18", kTrouble, "58030", "Input/output error")),
    at_end(row(ReadOnlyFileSystem, "read_only_file_system", "K19", kTrouble, "42501", "Read-only file system")),
    row(InputOutputError, "input_output_error", "K18", kFault, "58030", ""),
    row(ForkFailed, "fork_failed", "K36", kTrouble, "", "could not fork "),
    row(PageCorrupt, "page_corrupt", "K14", kTrouble, "XX001", "page verification failed"),
    row(PageCorrupt, "page_corrupt", "K14", kTrouble, "XX001", "invalid page in block "),
    row(PageCorrupt, "page_corrupt", "K15", kTrouble, "XX001", "could not read block", "read only "),
    row(PageCorrupt, "page_corrupt", "K14", kFault, "XX001", ""),
    row(IndexCorrupt, "index_corrupt", "K16", kFault, "XX002", "index \"", "\" contains unexpected zero page "),
    row(IndexCorrupt, "index_corrupt", "K16", kFault, "XX002", "index \"", "\" contains corrupted page "),
    row(IndexCorrupt, "index_corrupt", "K16", kFault, "XX002", "index \"", "\" is not a btree"),
    inside(row(IndexCorrupt, "index_corrupt", "K16", kFault, "XX002", "lacks matching index tuple within index \"")),
    row(IndexCorrupt, "index_corrupt", "K16", kFault, "XX002", ""),
    row(DatabaseFilesMissing, "database_files_missing", "K21", kFatal, "3D000", "database \"", "\" does not exist", "database subdirectory \""),
    row(DatabaseMissing, "database_missing", "K20", kFatal, "3D000", "database \"", "\" does not exist"),
    row(DatabaseMissing, "database_missing", "K20", kFatal, "3D000", ""),
    row(DatabaseInvalid, "database_invalid", "K22", kFatal, "55000", "cannot connect to invalid database \""),
    row(RelationMissing, "relation_missing", "K23", kFault, "42P01", "relation \"", "\" does not exist"),
    row(RelationFileMissing, "relation_file_missing", "K24", kFault, "58P01", "could not open file \"base/", "No such file or directory"),
    row(TooManyClients, "too_many_clients", "K26", kFatal, "53300", "too many clients already"),
    row(TooManyClients, "too_many_clients", "K26", kFatal, "53300", "remaining connection slots are reserved for"),
    row(WalSegmentRemoved, "wal_segment_removed", "K11", kTrouble, "58P01", "requested WAL segment ", " has already been removed"),
    inside(row(WalSegmentRemoved, "wal_segment_removed", "K11", kFatal, "", "could not receive data from WAL stream", " has already been removed")),
    row(ArchiveCommandFailed, "archive_command_failed", "K8", kTrouble, "", "archive command failed with exit code "),
    row(ArchiveCommandFailed, "archive_command_failed", "K8", kTrouble, "", "archive command was terminated by "),
    row(ArchiveCommandFailed, "archive_command_failed", "K8", kWarning, "", "archiving write-ahead log file \"", "\" failed too many times"),
    row(SlotInvalidated, "slot_invalidated", "K10", kLog, "", "invalidating obsolete replication slot \""),
    row(SlotInvalidated, "slot_invalidated", "K10", kLog, "", "invalidating slot \"", "exceeds max_slot_wal_keep_size"),
    row(CollationMismatch, "collation_mismatch", "D9", kWarning, "01000", "database \"", "\" has a collation version mismatch"),
    row(CollationMismatch, "collation_mismatch", "D9", kWarning, "01000", "collation \"", "\" has version mismatch"),
    row(CollationMismatch, "collation_mismatch", "D9", kWarning, "01000", "template database \"", "\" has a collation version"),
    row(WraparoundNear, "wraparound_near", "K37", kWarning, "", "database ", " must be vacuumed within "),
    row(WraparoundStop, "wraparound_stop", "K37", kFault, "54000", "database is not accepting commands "),
    row(OutOfLocks, "out_of_locks", "K35", kFault, "53200", "out of shared memory"),
    row(OutOfMemory, "out_of_memory", "K35", kFault, "53200", "out of memory"),
    row(OutOfMemory, "out_of_memory", "K35", kFault, "53200", ""),
    inside(row(TooManyOpenFiles, "too_many_open_files", "K55", kTrouble, "53000", "Too many open files")),
    row(TooManyOpenFiles, "too_many_open_files", "K55", kTrouble, "", "out of file descriptors"),
    row(TempFileLimit, "temp_file_limit", "K46", kFault, "53400", "temporary file size exceeds "),
    row(TempFileLimit, "temp_file_limit", "K46", kFault, "53400", ""),

    row(RoleMissing, "role_missing", "D6", kFatal, "28000", "role \"", "\" does not exist"),
    row(PasswordRejected, "password_rejected", "K34", kFatal, "28P01", "password authentication failed for user \""),
    row(PasswordRejected, "password_rejected", "K34", kFatal, "28P01", ""),
    row(HbaRejected, "hba_rejected", "K34", kFatal, "28000", "no pg_hba.conf entry for "),
    row(HbaRejected, "hba_rejected", "K34", kFatal, "28000", "pg_hba.conf rejects "),
    row(ConnectionLimit, "connection_limit", "K51", kFatal, "53300", "too many connections for role \""),
    row(ConnectionLimit, "connection_limit", "K51", kFatal, "53300", "too many connections for database \""),
    row(TooManyWalSenders, "too_many_wal_senders", "K27", kFatal, "53300", "number of requested standby connections exceeds "),
    row(TooManyClients, "too_many_clients", "K26", kFatal, "53300", ""),
    row(TlsFailed, "tls_failed", "K42", kLog, "", "could not accept SSL connection"),
    row(CertificateKeyOpen, "certificate_key_open", "K41", kTrouble, "F0000", "private key file \"", "\" has group or world access"),
    row(CertificateUnreadable, "certificate_unreadable", "K41", kTrouble, "F0000", "could not load server certificate file \""),
    row(CertificateUnreadable, "certificate_unreadable", "K41", kTrouble, "F0000", "could not load private key file \""),
    row(CertificateUnreadable, "certificate_unreadable", "K41", kTrouble, "", "could not access private key file \""),
    row(IdleInTransactionTimeout, "idle_in_transaction_timeout", "K28", kFatal, "25P03", ""),
    row(IdleInTransactionTimeout, "idle_in_transaction_timeout", "K28", kFatal, "25P03", "terminating connection due to idle-in-transaction timeout"),
    row(Deadlock, "deadlock", "K29", kFault, "40P01", ""),
    row(Deadlock, "deadlock", "K29", kFault, "40P01", "deadlock detected"),
    row(RecoveryConflict, "recovery_conflict", "K30", kFault, "40001", "canceling statement due to conflict with recovery"),
    row(RecoveryConflict, "recovery_conflict", "K30", kFatal, "", "terminating connection due to conflict with recovery"),
    row(SerializationFailure, "serialization_failure", "K30", kFault, "40001", "could not serialize access "),
    row(SerializationFailure, "serialization_failure", "K30", kFault, "40001", ""),
    row(LockTimeout, "lock_timeout", "K31", kFault, "55P03", ""),
    row(LockTimeout, "lock_timeout", "K31", kFault, "55P03", "canceling statement due to lock timeout"),
    row(LockTimeout, "lock_timeout", "K31", kFault, "55P03", "could not obtain lock on "),
    row(StatementTimeout, "statement_timeout", "K32", kFault, "57014", "canceling statement due to statement timeout"),
    row(StatementCanceled, "statement_canceled", "K32", kFault, "57014", "canceling statement due to user request"),
    row(StatementCanceled, "statement_canceled", "K32", kFault, "57014", ""),
    row(ReadOnlyTransaction, "read_only_transaction", "K33", kFault, "25006", ""),
    row(ReadOnlyTransaction, "read_only_transaction", "K33", kFault, "25006", "cannot execute ", " in a read-only transaction"),
    inside(row(ObjectInUse, "object_in_use", "K52", kFault, "55006", " is being accessed by other users")),
    row(ObjectInUse, "object_in_use", "K52", kFault, "55006", ""),
    row(RelationMissing, "relation_missing", "K23", kFault, "42P01", ""),
    row(ClientLost, "client_lost", "K53", kLog, "", "unexpected EOF on client connection with an open transaction"),
    row(ClientLost, "client_lost", "K53", kLog, "", "could not receive data from client: "),
    row(ClientLost, "client_lost", "K53", kLog, "", "could not send data to client: "),
    row(ClientLost, "client_lost", "K53", kFatal, "08006", "connection to client lost"),

    row(ForeignSystem, "foreign_system", "K38", kFault, "", "database system identifier differs between the primary and standby"),
    inside(row(ForeignSystem, "foreign_system", "K38", kTrouble, "", "WAL file is from different database system")),
    row(TimelineDiverged, "timeline_diverged", "K39", kFatal, "", "requested timeline ", " is not a child of this server's history"),
    inside(row(TimelineDiverged, "timeline_diverged", "K39", kTrouble, "", " forked off current database system timeline ")),
    row(TimelineDiverged, "timeline_diverged", "K39", kTrouble, "", "requested starting point ", " is not in this server's history"),
    row(TimelineDiverged, "timeline_diverged", "K39", kFault, "", "highest timeline ", " is behind recovery timeline "),
    inside(row(StandbySettingsLow, "standby_settings_low", "K45", kTrouble, "", "because of insufficient parameter settings")),
    row(WalSenderTimeout, "wal_sender_timeout", "K47", kLog, "", "terminating walsender process due to replication timeout"),
    row(TargetNotReached, "target_not_reached", "K49", kFatal, "", "recovery ended before configured recovery target was reached"),
    row(BackupWalMissing, "backup_wal_missing", "K50", kFatal, "", "WAL ends before end of online backup"),

    inside(row(InitSkipped, "init_skipped", "D1", kLog, "", "Skipping initialization")),
    inside(row(MountPathOld, "mount_path_old", "D4", kLog, "", "in 18+, these Docker images are configured ")),
    inside(row(DirNotEmpty, "dir_not_empty", "D11", kLog, "", "directory \"", "\" exists but is not empty")),

    row(NotYetAccepting, "not_yet_accepting", "K5", kFatal, "57P03", ""),
    row(CrashCollateral, "crash_collateral", "K3", kTrouble, "57P02", ""),
    row(AdminTermination, "admin_termination", "K4", kFatal, "57P01", ""),
    row(ProcessCrashed, "process_crashed", "K2", kPanic, "", ""),
});
// clang-format on

bool severity_fits(const SignatureRow& candidate, const LogLine& line) {
  // In another language the word is not known; the SQLSTATE, where a row asks for one, is.
  if (line.severity == LogSeverity::Unknown)
    return !candidate.first.empty() || !candidate.sqlstate.empty();
  return line.severity >= candidate.least && line.severity <= candidate.most;
}

bool sqlstate_fits(const SignatureRow& candidate, const LogLine& line) {
  if (candidate.place == WordPlace::Path) return line.sqlstate == candidate.sqlstate;
  if (candidate.first.empty())
    return line.sqlstate == candidate.sqlstate || candidate.sqlstate.empty();
  return candidate.sqlstate.empty() || line.sqlstate.empty() || line.sqlstate == "00000" ||
         line.sqlstate == candidate.sqlstate;
}

// What a session sent, as log_statement and log_min_duration_statement repeat it.
bool repeats_a_statement(const LogLine& line) {
  constexpr auto kBeginnings = std::to_array<std::string_view>(
      {"duration: ", "statement: ", "execute ", "parse ", "bind ", "fastpath ", "AUDIT: "});
  const auto begins = [&](std::string_view words) { return line.message.starts_with(words); };
  return line.severity == S::Log && std::ranges::any_of(kBeginnings, begins);
}

// The first character alone turns most rows away.
bool begins_with(std::string_view message, std::string_view words) {
  if (words.empty()) return true;
  return !message.empty() && message.front() == words.front() && message.starts_with(words);
}

bool words_fit(const SignatureRow& candidate, const LogLine& line) {
  const auto message = std::string_view(line.message).substr(0, kSearchedBytesMax);
  const bool at_start =
      candidate.place == WordPlace::Start && line.severity != LogSeverity::Unknown;
  if (at_start && !begins_with(message, candidate.first)) return false;
  const auto at = at_start ? 0 : message.find(candidate.first);
  if (at == std::string_view::npos) return false;
  const auto behind = message.substr(at + candidate.first.size());
  if (candidate.place == WordPlace::End) {
    const auto last = candidate.then.empty() ? candidate.first : candidate.then;
    if (line.severity == LogSeverity::Unknown || !line.message.ends_with(last)) return false;
  }
  if (behind.find(candidate.then) == std::string_view::npos) return false;
  return std::string_view(line.detail).contains(candidate.detail);
}

/// The number right behind `mark` in `text`.
std::optional<std::int64_t> number_behind(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto digits = text.substr(at + mark.size());
  std::int64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return number;
}

}  // namespace

std::string_view to_string(Signature signature) {
  const auto* found = std::ranges::find(kTable, signature, &SignatureRow::signature);
  return found == kTable.end() ? std::string_view("unknown") : found->name;
}

std::span<const SignatureRow> signature_table() { return kTable; }

std::optional<Signature> classify(const LogLine& line) {
  if (repeats_a_statement(line)) return std::nullopt;
  for (const auto& candidate : kTable) {
    if (severity_fits(candidate, line) && sqlstate_fits(candidate, line) &&
        words_fit(candidate, line))
      return candidate.signature;
  }
  return std::nullopt;
}

std::optional<std::int64_t> signature_number(Signature signature, const LogLine& line) {
  switch (signature) {
    case LockFileExists:
    case SocketLockExists: return number_behind(line.hint, "(PID ");
    case PortTaken: return number_behind(line.hint, "on port ");
    case ProcessKilled:
    case ProcessCrashed: return number_behind(line.message, "terminated by signal ");
    default: return std::nullopt;
  }
}

}  // namespace pgkeel::pg
