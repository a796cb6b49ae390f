// A PostgreSQL server as a thing one starts, stops and inspects, wherever it lives. Four kinds
// share this interface: embedded (a private cluster pgkeel made), managed (a server on this host),
// container and remote (they follow). The guard asks `capabilities()` and attempts nothing that
// cannot be had.
// It guarantees: start() never initialises, never starts over a stranger's data (the caller passes
// the identity it expects) and never runs two postmasters over one directory. It refuses to speak
// SQL; that is `client`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "instance/engine.hpp"
#include "instance/restarter.hpp"
#include "pg/conninfo.hpp"
#include "pg/control_file.hpp"
#include "pg/postmaster_pid.hpp"
#include "runtime/account.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {

enum class Kind { Embedded, Managed, Container, Remote };
[[nodiscard]] std::string_view to_string(Kind kind);

/// What this kind, with these rights, can do; shown by status and obeyed by recover.
struct Capabilities {
  bool sees_process = false;  ///< pidfd, /proc
  bool sees_files = false;    ///< control file, configuration, log
  bool can_start = false;
  bool can_stop = false;
  bool can_move_files = false;  ///< rename data directories and configuration
};

/// A postmaster found running over the data directory.
struct Postmaster {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< with pid, names the process uniquely
  pg::PostmasterPid file;         ///< postmaster.pid as read (port, socket directory, status)
};

/// What stands in postmaster.pid, judged against the processes that really exist.
enum class LockState {
  None,     ///< no lock file
  Live,     ///< a postmaster of this directory runs
  Stale,    ///< its process is gone, or the pid is another program's by now
  Orphans,  ///< its postmaster is gone, children of it still run
  Unclear,  ///< cannot be told (another PID namespace, no rights): ask a human
};
[[nodiscard]] std::string_view to_string(LockState state);

struct LockFacts {
  LockState state = LockState::None;
  std::optional<pg::PostmasterPid> file;
  /// True when some process has the recorded pid although it is not the postmaster.
  bool pid_reused = false;
  /// True when that process is the dead server itself, which nobody has reaped yet.
  bool pid_is_zombie = false;
  std::string pid_owner;       ///< command of the process that has the pid now, for the report
  std::vector<pid_t> orphans;  ///< surviving processes of the server: cwd is the data directory
  int servers = 0;             ///< postmasters that run in the directory; more than one destroys it
  bool settling = false;       ///< Unclear because a server may be starting: look again
  std::string detail;          ///< for Stale and Unclear: why it is judged so
};

/// What is on disk where the data directory should be. Reading it changes nothing.
enum class DataDirState { Present, Missing, Empty, Incomplete, Unreadable };
[[nodiscard]] std::string_view to_string(DataDirState state);

struct DataDirFacts {
  DataDirState state = DataDirState::Missing;
  std::string detail;                      ///< for Incomplete and Unreadable: what is wrong
  std::optional<pg::ControlFile> control;  ///< when it could be read and its checksum holds
  std::optional<Error> control_error;      ///< why not, when the file is there
  int major = 0;                           ///< from PG_VERSION; 0 when absent
  std::string fenced;  ///< "fenced by pgkeel at ... because ..."; empty: it is not (fence.hpp)
  std::optional<SystemId> fenced_system_id;  ///< of the cluster in it, which `control` is not then
  std::optional<runtime::FilesystemId>
      filesystem;  ///< of the directory, else of its nearest parent
  std::optional<runtime::InodeId> inode;
  std::optional<runtime::Account> owner;
  unsigned mode = 0;         ///< permission bits; the server wants 0700 or 0750
  std::string foreign_part;  ///< "PG_VERSION is owned by root": not the owner's
  std::optional<runtime::DiskSpace> space;
  /// Its file system, or the one pg_wal is on, when that is mounted read-only.
  std::optional<runtime::FilesystemId> read_only;
};

/// A container that has a data directory, where the server's own is not to be found.
struct OtherContainer {
  std::string name;
  bool running = false;
  std::filesystem::path data_dir;
  std::optional<SystemId> system_id;  ///< when its control file can be read
};

/// What a container engine says about the container the server runs in.
struct HostingFacts {
  std::string error;    ///< not empty: the engine could not be asked, and the rest is empty
  std::string name;     ///< as configured
  bool exists = false;  ///< false: there is no container of that name
  ContainerFacts container;
  std::vector<std::string> twins;      ///< other running containers over the same data
  std::vector<OtherContainer> others;  ///< looked for only when there is none of that name
};

/// A server that was started over the data of one that runs, in another container.
struct SecondServer {
  std::string container;  ///< id
  std::string name;
  pid_t postmaster = 0;
  std::uint64_t start_ticks = 0;
  std::string started_at;       ///< its container, as the engine says it
  std::string ours_started_at;  ///< the known one, likewise
  friend bool operator==(const SecondServer&, const SecondServer&) = default;
};

enum class StopMode { Fast, Immediate };

struct StartOptions {
  SystemId expected;  ///< start() reads pg_control last thing before exec; WrongIdentity otherwise
  /// A verified stale pid recorded in postmaster.pid that another process has by now; handed on so
  /// that the server ignores it (PG_GRANDPARENT_PID) and its own shared memory check still works.
  /// start() judges the lock again last thing and finds such a pid itself; when one is given it
  /// must still be the one (Refused otherwise).
  std::optional<pid_t> stale_pid;
};

/// Bytes of the server log from the moment start() was called; the reason of a failed start is
/// here.
struct StartReport {
  std::optional<Postmaster> postmaster;
  std::string server_log;
  std::optional<runtime::ExitStatus> exit;  ///< when the server ended again and was our child
};

class Instance {
 public:
  virtual ~Instance() = default;
  [[nodiscard]] virtual Kind kind() const = 0;
  [[nodiscard]] virtual Capabilities capabilities() const = 0;
  [[nodiscard]] virtual const std::filesystem::path& data_dir() const = 0;
  /// "managed postgresql@15-main at /var/lib/postgresql/15/main".
  [[nodiscard]] virtual std::string describe() const = 0;

  /// Finds out anew where the server's data is; local servers know already. NotFound,
  /// EngineUnreachable, Refused when it is kept where nothing lasts.
  virtual runtime::Task<Result<void>> locate();
  /// Where it was when it could be located last, for when it cannot be now.
  virtual void assume_data_dir(std::filesystem::path data_dir);
  /// What the server's surroundings say; nothing where there are none.
  virtual runtime::Task<std::optional<HostingFacts>> inspect_hosting();
  /// The path clients take to it, when this kind knows one.
  [[nodiscard]] virtual std::optional<pg::Conninfo> client_path() const;
  /// Directories in which its data may be as well: the same place in the engine's other volumes.
  /// What the engine says.
  virtual runtime::Task<Result<std::vector<std::filesystem::path>>> other_places();
  /// Holds the data volume, or lets it go: see anchor.hpp. The volume's name; empty where there is
  /// none to hold.
  virtual runtime::Task<Result<std::string>> keep_anchor();
  virtual runtime::Task<Result<void>> remove_anchor();
  /// What would start the server besides people and the guard, as it is set now.
  virtual runtime::Task<Result<Restarter>> restarter();
  /// Sets it, and asks again whether it is so. NotSupported where it cannot be set here; Refused
  /// when it was answered that it is and it is not.
  virtual runtime::Task<Result<void>> set_restarter(Restarter wanted);
  /// Gives its surroundings so much memory while they are as they are; done when they have more.
  /// NotSupported where they have no limit of their own; Refused as set_restarter().
  virtual runtime::Task<Result<void>> raise_memory_limit(std::int64_t bytes);
  /// The server that was started over the data while ours ran; nothing when there is none. Refused
  /// when it is in doubt which of two is ours, ours is paused, or there are more.
  virtual runtime::Task<Result<std::optional<SecondServer>>> second_server();
  /// What starts it, as it is set now. Refused where that cannot be held without stopping it.
  virtual runtime::Task<Result<Restarter>> second_restarter(SecondServer second);
  /// Keeps the engine from starting it again. As set_restarter().
  virtual runtime::Task<Result<void>> hold_second(SecondServer second);
  /// Ends it without giving it time to write, after asking once more that it is the second one.
  virtual runtime::Task<Result<void>> kill_second(SecondServer second);
  /// What its surroundings tell as it happens, with `since` after what they still know of it from
  /// then on; NotSupported where they tell nothing.
  virtual runtime::Task<Result<EventStream>> events(std::optional<WallTime> since);
  /// The end of the server's log where it is no file of this host.
  virtual runtime::Task<std::optional<std::string>> recent_log();

  [[nodiscard]] virtual DataDirFacts inspect_data_dir() const = 0;
  [[nodiscard]] virtual LockFacts inspect_lock() const = 0;
  /// The running postmaster of this directory, verified by pid, start time, executable and cwd.
  [[nodiscard]] virtual std::optional<Postmaster> find_postmaster() const = 0;
  /// Configuration files in use, whether in the data directory or in /etc: postgresql.conf,
  /// postgresql.auto.conf, pg_hba.conf, pg_ident.conf and what include_dir brings.
  [[nodiscard]] virtual std::vector<std::filesystem::path> config_files() const = 0;
  /// Parses the configuration with the server's own parser without starting it (postgres -C).
  virtual runtime::Task<Result<void>> check_config() = 0;
  /// The major version of the programs that would start it; 0 when that cannot be known here.
  /// MissingBinary when there are none.
  virtual runtime::Task<Result<int>> programs_major();
  /// Where the server writes its log when the guard starts it (the collector may write elsewhere).
  [[nodiscard]] virtual std::filesystem::path server_log() const = 0;
  /// The port in postmaster.pid or else in the configuration; 0 when unknown.
  [[nodiscard]] virtual std::uint16_t port() const = 0;

  /// What would keep start() from trying at all, without the identity: MissingBinary,
  /// DataDirMissing, DataDirEmpty, DataDirIncomplete, DataDirWrongMajor, DataDirWrongOwner,
  /// ControlFileCorrupt. Each is one clear line; nothing is changed.
  virtual runtime::Task<Result<void>> preflight() = 0;
  /// The lock on the data directory itself, so that two guards with different state directories
  /// cannot own one volume: flock on the directory's inode, nothing is written. The guard keeps it
  /// for its life and takes it again when the directory was replaced. StateLocked, DataDirMissing.
  /// While it is held the file system cannot be unmounted (busy): drop it when an operator stopped
  /// the server.
  [[nodiscard]] virtual Result<runtime::FileLock> lock_data_dir(std::string_view note) const = 0;

  /// Starts the server and returns when postmaster.pid says it accepts connections ("ready" or
  /// "standby"), when it ended again (report.postmaster is empty), or with TimedOut at the
  /// deadline while it still recovers. The error says what stood in the way before anything ran.
  virtual runtime::Task<Result<StartReport>> start(StartOptions options, SteadyTime deadline) = 0;
  /// Stops it and waits until every process of it is gone.
  virtual runtime::Task<Result<void>> stop(StopMode mode, SteadyTime deadline) = 0;
  /// Ends surviving children of a dead postmaster: waits for them until `patience`, then SIGQUIT,
  /// then SIGKILL to exactly those whose cwd is the data directory; done when none is left. A short
  /// patience loses nothing that was acknowledged, and a long one can cost 20 s: in 13 and 14 the
  /// autovacuum launcher and busy backends wait that long for the dead statistics collector.
  virtual runtime::Task<Result<void>> await_orphans_gone(SteadyTime patience,
                                                         SteadyTime deadline) = 0;
  /// SIGCONT to the postmaster and to every stopped process of the server.
  virtual Result<void> resume_stopped() = 0;
};

}  // namespace pgkeel::instance
