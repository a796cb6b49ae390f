// Two ways to bring a postmaster into the world: run the server program ourselves, or ask what the
// distribution runs clusters with. Both leave a server that outlives us: its own session, no
// descriptor of ours, its own log.
// A launcher refuses to check anything: whether a start is allowed is decided before
// (preflight.hpp), whether it worked is seen afterwards (readiness.hpp).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "instance/debian.hpp"
#include "instance/server_command.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {

/// A program that starts the server for us, and how it ended.
struct StarterRun {
  std::optional<Result<runtime::ProcessOutput>> ended;
};

struct Launch {
  std::string by;                                ///< what was run, for log and journal
  std::optional<runtime::ProcessHandle> server;  ///< the postmaster, our child
  std::shared_ptr<const StarterRun> starter;     ///< or the program that makes it
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  /// "postgres -D /data" or "pg_ctlcluster 15 main start", for the journal.
  [[nodiscard]] virtual std::string describe() const = 0;
  virtual runtime::Task<Result<Launch>> launch(std::optional<pid_t> stale_pid) = 0;
};

struct DirectLaunch {
  ServerCommand command;
  EarlierOptions earlier = EarlierOptions::Ignore;
  std::filesystem::path log_file;
};
/// Runs `postgres` as the owner of the data directory, in a session of its own. Under systemd it
/// begins in a scope of its own (systemd_scope.hpp).
[[nodiscard]] std::unique_ptr<Launcher> make_direct_launcher(runtime::Loop& loop,
                                                             DirectLaunch launch);

/// systemctl where systemd runs, so that the server lives in its own unit; pg_ctlcluster where not.
/// A stale pid cannot be handed through either. Both remove a postmaster.pid whose pid is no
/// PostgreSQL's by now, which under systemd is good enough, as the unit's own stop command has done
/// so already or will; else the server is run directly with the options pg_ctlcluster last gave it.
[[nodiscard]] std::unique_ptr<Launcher> make_debian_launcher(runtime::Loop& loop,
                                                             DebianCluster cluster,
                                                             DirectLaunch direct);

}  // namespace pgkeel::instance
