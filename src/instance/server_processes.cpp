// See server_processes.hpp. One readlink per process of the machine, two more for each postgres.
#include "instance/server_processes.hpp"

#include <sys/stat.h>
#include <charconv>
#include <optional>
#include <string>

#include "instance/instance.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDeleted = " (deleted)";
constexpr std::size_t kStatusBytesMax = 64U << 10U;  // /proc/PID/status is about 1.5 kB

std::string_view without_deleted(std::string_view path) {
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

fs::path proc_path(pid_t pid, const char* name) {
  return fs::path("/proc") / std::to_string(pid) / name;
}

// What a directory is known by: inode while it exists, its path when it was deleted under a server.
struct DirectoryMark {
  std::optional<runtime::InodeId> inode;
  std::optional<uid_t> owner;
  std::string path;
};

DirectoryMark mark_of(const fs::path& data_dir) {
  DirectoryMark mark;
  struct stat status{};
  if (::stat(data_dir.c_str(), &status) == 0) {
    mark.inode = runtime::InodeId{status.st_dev, status.st_ino};
    mark.owner = status.st_uid;
  }
  std::error_code error;
  mark.path = fs::weakly_canonical(data_dir, error).string();
  if (error) mark.path = data_dir.string();
  return mark;
}

bool stands_in(const DirectoryMark& mark, pid_t pid, const fs::path& cwd) {
  if (mark.inode) {
    const auto inode = runtime::inode_of(proc_path(pid, "cwd"));
    if (inode && *inode == *mark.inode) return true;
  }
  const std::string text = cwd.string();
  return text.ends_with(kDeleted) && without_deleted(text) == mark.path;
}

pid_t inner_pid_of(pid_t pid) {
  const auto status = runtime::read_file(proc_path(pid, "status"), kStatusBytesMax);
  const pid_t inner = status ? parse_inner_pid(*status) : 0;
  return inner > 0 ? inner : pid;
}

// Whether a process we may not look into could be a server process of this directory: those run as
// the directory's owner (checkDataDir insists) under the name postgres.
bool may_be_ours(const DirectoryMark& mark, pid_t pid) {
  struct stat status{};
  if (!mark.owner || ::stat(proc_path(pid, "").c_str(), &status) != 0) return false;
  if (status.st_uid != *mark.owner) return false;
  const auto stat = runtime::read_proc_stat(pid);
  return stat && is_server_executable(stat->command);
}

// A postmaster writes its lock file within milliseconds of its start.
constexpr Seconds kStartsWithin{10};

// Only a postmaster, or a server run by hand, keeps its command line; a worker has it for the
// moment after its fork, for ever when it was frozen then. What is ending has none any more.
ServerProcess::Role role_of(const runtime::ProcStat& stat) {
  const auto cmdline = runtime::read_proc_cmdline(stat.pid);
  if (!cmdline || cmdline->empty() || cmdline->front().starts_with("postgres: "))
    return ServerProcess::Role::Worker;
  for (const char* mode : {"--single", "--boot", "--check"})
    if (cmdline->size() > 1 && (*cmdline)[1] == mode) return ServerProcess::Role::ByHand;
  const auto started = runtime::proc_started_at(stat);
  const bool old = started && wall_now() - *started > kStartsWithin;
  return old ? ServerProcess::Role::Worker : ServerProcess::Role::Starting;
}

// By its program. A process that is ending has given up its memory, and with it the program, while
// it still holds files and the shared memory; then its name has to do.
Result<bool> runs_server(pid_t pid) {
  const auto exe = runtime::read_proc_exe(pid);
  if (exe) return is_server_executable(exe->string());
  if (exe.error().code != ErrorCode::NotFound) return fail(exe.error());
  TRY(stat, runtime::read_proc_stat(pid));
  return is_server_executable(stat.command);
}

Result<ServerProcess> look_at(const DirectoryMark& mark, pid_t pid) {
  TRY(server, runs_server(pid));
  if (!server) return fail(ErrorCode::NotFound, "process " + std::to_string(pid) + " is no server");
  TRY(cwd, runtime::read_proc_cwd(pid));
  TRY(stat, runtime::read_proc_stat(pid));
  if (!stands_in(mark, pid, cwd) || stat.state == 'Z' || stat.state == 'X')
    return fail(ErrorCode::NotFound, "process " + std::to_string(pid) + " is of another server");
  return ServerProcess{pid,        stat.parent,  inner_pid_of(pid), stat.start_ticks,
                       stat.state, role_of(stat)};
}

}  // namespace

bool is_server_executable(std::string_view exe) {
  exe = without_deleted(exe);
  if (const auto slash = exe.rfind('/'); slash != std::string_view::npos)
    exe.remove_prefix(slash + 1);
  return exe == "postgres" || exe == "postmaster";
}

pid_t parse_inner_pid(std::string_view status) {
  const auto at = status.find("\nNSpid:");
  if (at == std::string_view::npos) return 0;
  const std::string_view line = status.substr(at + 1, status.find('\n', at + 1) - at - 1);
  const auto before = line.find_last_of("\t :");
  pid_t pid = 0;
  std::from_chars(line.data() + before + 1, line.data() + line.size(), pid);
  return pid;
}

ServerScan scan_server_processes(const fs::path& data_dir) {
  const DirectoryMark mark = mark_of(data_dir);
  ServerScan scan;
  for (const pid_t pid : runtime::list_pids()) {
    if (auto found = look_at(mark, pid)) scan.processes.push_back(*found);
    else if (found.error().code == ErrorCode::Permission && may_be_ours(mark, pid))
      scan.sight = Sight::Hindered;
  }
  return scan;
}

Result<ServerProcess> find_server_process(pid_t pid, const fs::path& data_dir) {
  return look_at(mark_of(data_dir), pid);
}

Result<runtime::ProcessHandle> open_server_process(const ServerProcess& process,
                                                   const fs::path& data_dir) {
  TRY(handle, runtime::ProcessHandle::open(process.pid));
  TRY(now, find_server_process(process.pid, data_dir));
  if (now.start_ticks != process.start_ticks)
    return fail(ErrorCode::NotFound, "process " + std::to_string(process.pid) + " has ended");
  return std::move(handle);
}

}  // namespace pgkeel::instance
