// A Finding: the cause of what is observed, with the evidence that names it. Causes are the
// contract's fault names; the table below ranks them and says what kind of remedy they have.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "incident/model.hpp"

namespace pgkeel::diagnose {

enum class Cause {
  StoppedByOperator,
  ServerRecovering,
  LoginFailing,
  ServerKilled,
  ServerHung,
  StalePid,
  PortTaken,
  ConfigBroken,
  ServerStartFailed,
  ControlFileLost,
  MountMissing,
  VolumeLost,
  WrongIdentity,
  DatabaseMissing,
  DatabaseDropped,
  TableDropped,
  ServerUnreachable,
  LimitNear,
  LimitReached,
  ContainerMissing,
  ContainerPaused,
  EngineUnreachable,
  OomKilled,
  TwoServers,
  FreshCluster,
  WrongMajor,
  ReadOnlyFilesystem,
  ContainerRenamed,
  WrongPermissions,
  ArchiveFailing,
  CommitsUnprotected,
  ConnectionStorm,
  IdleInTransaction,
  SlotAbandoned,
  WraparoundNear,
  DiskFull,
  WalDiskFull,
  SharedMemoryFull,
  HeapCorrupted,
  IndexCorrupted,
  TableTruncated,
  MassDelete,
  SchemaDropped,
  GuardKilled,
  DataFenced,
};

struct CauseInfo {
  Cause cause;
  std::string_view name;  ///< contract name, used in JSON, log and docs
  /// When several hold at once the highest explains the others; an incident's cause is only ever
  /// refined upwards.
  int rank;
  incident::Severity severity;
  std::string_view sentence;  ///< for people, completed by the finding's subject
};
[[nodiscard]] const CauseInfo& cause_info(Cause cause);
/// Every cause, in the order of the enumeration.
[[nodiscard]] std::span<const CauseInfo> cause_table();
[[nodiscard]] std::optional<Cause> cause_by_name(std::string_view name);

/// Whether clients felt nothing of it: nothing is recovered from it, only mended. Connections that
/// are used up, clients feel; connections that are nearly so are another subject.
[[nodiscard]] bool interrupts_nobody(Cause cause, std::string_view subject);
/// Whether it is about the archive, of which its own keepers tell.
[[nodiscard]] bool about_archive(Cause cause);
/// Whether it is told by what goes on inside the server, at which the guard looks seldom.
[[nodiscard]] bool about_activity(Cause cause, std::string_view subject);

/// Whether it is told by what the guard remembers, and the server has nothing to add.
[[nodiscard]] bool about_rows(Cause cause);

/// Whether it is told by the server's log alone, which is read back when a guard starts.
[[nodiscard]] bool about_log(Cause cause);

/// What a finding is about: the whole instance, or one object ("shop", "shop.public.orders").
inline constexpr std::string_view kInstanceSubject = "instance";
/// The guard itself.
inline constexpr std::string_view kGuardSubject = "guard";
/// The control file of a server that runs all the same.
inline constexpr std::string_view kControlFileSubject = "control_file";
/// The server's own archive_command.
inline constexpr std::string_view kArchiveCommandSubject = "archive.command";

/// Up to where what is gone was there, by the server's own WAL position.
struct LastSeen {
  Lsn lsn;
  Millis age{0};  ///< how long before it was found gone
  /// The latest at which it may have been there; invalid: `lsn` is as exact.
  Lsn latest = {};
};

/// What else the same evidence could mean.
struct Alternative {
  std::string what;   ///< a cause's name, or words
  std::string tells;  ///< what would tell the two apart
};

struct Finding {
  Cause cause = Cause::ServerKilled;
  std::string subject = std::string(kInstanceSubject);
  double confidence = 0;
  std::vector<incident::Evidence> evidence;
  std::string summary;  ///< one sentence with the facts in it
  /// What a human should do, with names and commands in it; empty: the remedy's own words.
  std::string hint;
  std::vector<Alternative> alternatives;  ///< the likelier first
  std::vector<std::string> loss;          ///< what is lost if nothing brings it back
  std::optional<std::int64_t> rows_lost;
  /// The earliest moment the failure can have happened, for the time to detection.
  std::optional<SteadyTime> since;
  std::optional<LastSeen> last_seen;           ///< of an object that is gone
  std::optional<incident::Severity> severity;  ///< instead of the cause's own
  /// Of what is gone: why it is wanted back; empty: nobody was heard to ask for it.
  std::string wanted;
  /// Set when the guard may not act yet although the cause is named (a slow server is not dead).
  bool wait = false;
};

}  // namespace pgkeel::diagnose
