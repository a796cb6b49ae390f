// Names what a line of the server's log says, for the lines whose meaning is known (the reference
// is the project's fault signatures, D1.. and K1..). One table, one row a signature; a match is by
// severity, SQLSTATE where the form carries one, and words at their place, never a regular
// expression. A statement a session sent is never searched.
// It guarantees: pure and cheap (one pass over a short table). It refuses to conclude a cause: that
// takes other evidence and is `diagnose`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pg/log_line.hpp"

namespace pgkeel::pg {

enum class Signature : std::uint8_t {
  // Why a server does not start.
  LockFileExists,       ///< D12: another server, or a stale lock, holds the data directory
  LockFileBroken,       ///< D12: the lock file is empty or holds no process id
  SocketLockExists,     ///< D13: the same for the socket
  SharedMemoryInUse,    ///< children of an earlier postmaster still run
  PortTaken,            ///< K40: could not bind, address already in use
  NoListenSockets,      ///< K40: the end of a start that could not listen anywhere
  ConfigErrors,         ///< K43: configuration file contains errors
  ConfigUnrecognized,   ///< K43: unrecognized configuration parameter in a file
  ConfigInvalidValue,   ///< K43: a parameter's value is refused, at start or reload
  ConfigSyntax,         ///< K43: syntax error in a configuration file
  ConfigMissing,        ///< K43: the configuration file cannot be read
  HbaUnreadable,        ///< K43: pg_hba.conf could not be loaded
  FilesIncompatible,    ///< D5: data of another major version or build
  WrongOwner,           ///< D10: data directory has wrong ownership
  WrongPermissions,     ///< D10: data directory has invalid permissions
  DataDirMissing,       ///< data directory does not exist, or is no cluster
  ControlFileChecksum,  ///< K25: incorrect checksum in control file
  ControlFileMissing,   ///< K25: could not find the database system
  CheckpointMissing,    ///< K12: no valid checkpoint record
  RedoMissing,          ///< K13: redo location or required checkpoint record not found
  LibraryMissing,       ///< K44: could not access a library named in the configuration
  MemoryUnavailable,    ///< K36: shared memory could not be had
  StartupFailed,        ///< the startup process gave up; the lines before it say why
  // How a server ends.
  ShutdownFast,       ///< received fast shutdown request
  ShutdownSmart,      ///< received smart shutdown request
  ShutdownImmediate,  ///< received immediate shutdown request
  ShutdownDone,       ///< database system is shut down
  PidFileLost,        ///< the postmaster stops because its lock file changed or vanished
  ReloadRequested,    ///< received SIGHUP
  ProcessKilled,      ///< K1: a server process was terminated by signal 9
  ProcessCrashed,     ///< K2: a server process was terminated by another signal, or PANICked
  CrashCollateral,    ///< K3: a session ended because another server process crashed
  CrashRestart,       ///< all server processes terminated; reinitializing
  AdminTermination,   ///< K4: ended by an administrator's command
  // How a server comes up.
  Starting,             ///< starting PostgreSQL ...
  WasShutDown,          ///< database system was shut down: nothing to replay
  Interrupted,          ///< D15: database system was interrupted
  NotShutDownProperly,  ///< automatic recovery in progress
  RedoStarts,
  RedoProgress,  ///< redo in progress: slow, and alive
  RedoDone,
  RedoNotNeeded,
  NotYetAccepting,  ///< K5: starting up, in recovery or shutting down
  Ready,            ///< ready to accept connections
  ReadyReadOnly,    ///< ready to accept read-only connections
  InitdbRan,        ///< D2: initdb's first words, in a log where none were expected
  // What goes wrong while it runs.
  WalDiskFull,               ///< K7: no space left, under pg_wal
  SharedMemoryFull,          ///< D8: no space left, in /dev/shm
  DiskFull,                  ///< K6: no space left
  InputOutputError,          ///< K18
  ReadOnlyFileSystem,        ///< K19
  ForkFailed,                ///< K36: no more processes may be started
  PageCorrupt,               ///< K14, K15
  IndexCorrupt,              ///< K16
  DatabaseMissing,           ///< K20: database does not exist
  DatabaseFilesMissing,      ///< K21: database subdirectory is missing
  DatabaseInvalid,           ///< K22: an interrupted DROP DATABASE
  RelationMissing,           ///< K23
  RelationFileMissing,       ///< K24
  TooManyClients,            ///< K26
  SyncWaitCanceled,          ///< a commit was acknowledged before its synchronous standby had it
  ToastMissing,              ///< K17: a part of a large value is gone
  TransactionStatusMissing,  ///< K17: pg_xact lacks what a row refers to
  FsyncFailed,               ///< K18: what was written may not be on the disk
  WalSegmentRemoved,         ///< K11: a standby asks for WAL that is gone
  ArchiveCommandFailed,      ///< K8
  SlotInvalidated,           ///< K10
  CollationMismatch,         ///< D9: sorting rules are not those the data was made with
  WraparoundNear,            ///< K37: must be vacuumed within so many transactions
  WraparoundStop,            ///< K37: no transaction ids are given out any more
  OutOfMemory,               ///< K35: a session could not get memory
  OutOfLocks,                ///< K35: the shared lock table is full
  TooManyOpenFiles,          ///< K55
  TempFileLimit,             ///< K46
  // What a client did, or was told.
  RoleMissing,               ///< D6
  PasswordRejected,          ///< K34
  HbaRejected,               ///< K34
  ConnectionLimit,           ///< K51: of a role or a database
  TooManyWalSenders,         ///< K27
  TlsFailed,                 ///< K42: a TLS connection could not be made
  CertificateKeyOpen,        ///< K41: the private key may be read by others
  CertificateUnreadable,     ///< K41
  IdleInTransactionTimeout,  ///< K28
  Deadlock,                  ///< K29
  SerializationFailure,      ///< K30
  RecoveryConflict,          ///< K30
  LockTimeout,               ///< K31
  StatementTimeout,          ///< K32
  StatementCanceled,         ///< K32
  ReadOnlyTransaction,       ///< K33
  ObjectInUse,               ///< K52
  ClientLost,                ///< K53: the connection ended without a word
  // Around replication and restores.
  ForeignSystem,       ///< K38: WAL or a primary of another system identifier
  TimelineDiverged,    ///< K39
  StandbySettingsLow,  ///< K45
  WalSenderTimeout,    ///< K47
  TargetNotReached,    ///< K49
  BackupWalMissing,    ///< K50
  // Words of the image's entry point and of initdb.
  InitSkipped,   ///< D1: the volume holds a cluster, first-start settings are ignored
  MountPathOld,  ///< D4: an image of 18 or later over a mount of the old place
  DirNotEmpty,   ///< D11
};
/// "lock_file_exists": stable, for journals and reports.
[[nodiscard]] std::string_view to_string(Signature signature);

/// Where in a message a row's words stand.
enum class WordPlace : std::uint8_t {
  Start,   ///< the message begins with them
  Inside,  ///< behind something that varies
  /// The message ends with the last of them, the system's own words for an errno. Not in a line of
  /// unknown severity: there another program (archive_command) speaks of another disk.
  End,
  /// A file's name, the same in every language; only where the line carries the SQLSTATE.
  Path,
};

/// One row of the table. A row without words matches by SQLSTATE alone (or, as the last one, any
/// PANIC): that is what is left of a localized message.
struct SignatureRow {
  Signature signature;
  std::string_view name;
  std::string_view reference;  ///< row of the fault signatures: "D12"; empty when it has none
  LogSeverity least;           ///< lines outside these two do not match; Unknown always may
  LogSeverity most;
  std::string_view sqlstate;  ///< must agree where the line carries one; empty: any
  std::string_view first;     ///< words the message must hold
  std::string_view then;      ///< words that must follow them; empty: none
  std::string_view detail;    ///< words the DETAIL must hold; empty: none
  WordPlace place = WordPlace::Start;
};
/// The table in the order it is searched: the narrower row first.
[[nodiscard]] std::span<const SignatureRow> signature_table();

/// The signature of a line, or nullopt for the many that mean nothing by themselves.
[[nodiscard]] std::optional<Signature> classify(const LogLine& line);

/// The number the signature is about: LockFileExists and SocketLockExists the other's pid (from the
/// HINT), ProcessKilled and ProcessCrashed the signal, PortTaken the port.
[[nodiscard]] std::optional<std::int64_t> signature_number(Signature signature,
                                                           const LogLine& line);

}  // namespace pgkeel::pg
