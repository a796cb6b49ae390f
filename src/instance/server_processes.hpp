// The processes of the server of one data directory, found without asking the server: PostgreSQL's
// processes all stand in their data directory and run the file called postgres.
// It guarantees: a directory is compared by inode, so symlinks, renames and bind mounts do not
// fool it; zombies are not listed. A snapshot may be old when it is read, so whoever signals opens
// a pidfd first and checks again (open_server_process).
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {

struct ServerProcess {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t inner_pid = 0;            ///< what the process itself calls its pid (PID namespaces)
  std::uint64_t start_ticks = 0;  ///< with pid, names the process uniquely
  char state = '?';               ///< of /proc: R S D T ...
  /// Worker: it calls itself "postgres: ...", or is too old for anything else. Starting: it may be
  /// a postmaster that has no lock file yet. ByHand: somebody runs --single or the like.
  enum class Role { Worker, Starting, ByHand } role = Role::Worker;
};

/// Hindered: some process may belong to this directory, but we have no right to look at it.
enum class Sight { Clear, Hindered };

struct ServerScan {
  std::vector<ServerProcess> processes;
  Sight sight = Sight::Clear;
};

/// Every live process of the server of `data_dir`: its own one, and one that still stands in a
/// directory of that path that was deleted under it.
[[nodiscard]] ServerScan scan_server_processes(const std::filesystem::path& data_dir);

/// One process by pid, if it is such a process; NotFound if not, Permission when it cannot be told.
[[nodiscard]] Result<ServerProcess> find_server_process(pid_t pid,
                                                        const std::filesystem::path& data_dir);

/// A pidfd of exactly this process; NotFound when it has ended, whoever has its pid by now.
[[nodiscard]] Result<runtime::ProcessHandle> open_server_process(
    const ServerProcess& process, const std::filesystem::path& data_dir);

/// Whether this is the server's program, also after an upgrade replaced it ("... (deleted)").
[[nodiscard]] bool is_server_executable(std::string_view exe);

/// The last number of the line "NSpid:" in /proc/PID/status; 0 when there is none.
[[nodiscard]] pid_t parse_inner_pid(std::string_view status);

}  // namespace pgkeel::instance
