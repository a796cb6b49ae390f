// What /proc says about processes and listening sockets. Cheap enough to read every second; every
// answer is a snapshot and may be old when it is read, so anything irreversible goes through a
// pidfd opened first.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::runtime {

struct ProcStat {
  pid_t pid = 0;
  std::string command;  ///< up to 15 characters, as the kernel keeps it
  char state = '?';     ///< R S D T t Z X
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;  ///< clock ticks after boot; with pid, names a process uniquely
  std::uint64_t cpu_ticks = 0;    ///< user + system
  std::uint64_t rss_bytes = 0;
};

[[nodiscard]] Result<ProcStat> read_proc_stat(pid_t pid);
/// Bytes read from and written to storage; Permission unless root or the owner.
[[nodiscard]] Result<std::uint64_t> read_proc_io_bytes(pid_t pid);
[[nodiscard]] Result<std::filesystem::path> read_proc_exe(pid_t pid);
[[nodiscard]] Result<std::filesystem::path> read_proc_cwd(pid_t pid);
/// What a descriptor of the process leads to: a path, or "pipe:[1234]" and the like.
[[nodiscard]] Result<std::filesystem::path> read_proc_fd(pid_t pid, int fd);
/// argv as the process shows it; PostgreSQL rewrites it to its title.
[[nodiscard]] Result<std::vector<std::string>> read_proc_cmdline(pid_t pid);
[[nodiscard]] std::vector<pid_t> list_pids();
/// Seconds since the epoch at which the process started, to compare with postmaster.pid line 3.
[[nodiscard]] Result<WallTime> proc_started_at(const ProcStat& stat);
[[nodiscard]] WallTime boot_time();
/// The kernel's name for this boot; "unknown" where /proc does not tell.
[[nodiscard]] std::string boot_id();

/// Who listens on a TCP port (IPv4 or IPv6, any local address).
struct Listener {
  std::string address;       ///< "127.0.0.1:5432"
  std::optional<pid_t> pid;  ///< none when another user owns it and we are not root
  std::string command;       ///< of that pid, else empty
};
[[nodiscard]] std::optional<Listener> find_tcp_listener(std::uint16_t port);

}  // namespace pgkeel::runtime
