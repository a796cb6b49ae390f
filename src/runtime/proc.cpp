// Reads /proc; proc_text.cpp understands it.
#include "runtime/proc.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <memory>

#include "runtime/files.hpp"
#include "runtime/proc_text.hpp"

namespace pgkeel::runtime {
namespace {

namespace fs = std::filesystem;

// One process's stat, io or command line (the kernel lets a title grow to the size of argv).
constexpr std::size_t kProcEntryBytesMax = 256U << 10U;

std::unexpected<Error> no_such_process(pid_t pid) {
  return fail(Error(ErrorCode::NotFound, fmt::format("no process {}", pid))
                  .with_hint("It has ended; look at 'pgkeel status' for the one running now."));
}

fs::path proc_path(pid_t pid, std::string_view entry) {
  return fmt::format("/proc/{}/{}", pid, entry);
}

Result<std::string> read_proc(pid_t pid, std::string_view entry) {
  auto text = read_file(proc_path(pid, entry), kProcEntryBytesMax);
  if (!text && (text.error().sys_errno == ENOENT || text.error().sys_errno == ESRCH))
    return no_such_process(pid);
  return text;
}

Result<std::string> read_link(const fs::path& path) {
  std::array<char, 4096> buffer{};
  const auto count = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (count < 0) return fail_errno(errno, fmt::format("read link {}", path.native()));
  return std::string(buffer.data(), static_cast<std::size_t>(count));
}

Result<fs::path> read_proc_link(pid_t pid, std::string_view entry) {
  auto target = read_link(proc_path(pid, entry));
  if (target) return fs::path(std::move(*target));
  if (target.error().sys_errno == ENOENT || target.error().sys_errno == ESRCH)
    return no_such_process(pid);
  return fail(std::move(target).error());
}

std::unexpected<Error> malformed(pid_t pid, std::string_view entry) {
  return fail(ErrorCode::Malformed, fmt::format("/proc/{}/{} has an unknown form", pid, entry));
}

template <class Visit>
void for_each_numbered(const fs::path& directory, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
    if (const auto number = parse_number(entry->d_name)) visit(*number);
}

bool holds_socket(pid_t pid, const std::string& link) {
  bool found = false;
  for_each_numbered(proc_path(pid, "fd"), [&](std::uint64_t fd) {
    if (found) return;
    const auto target = read_link(proc_path(pid, fmt::format("fd/{}", fd)));
    found = target && *target == link;
  });
  return found;
}

std::optional<pid_t> owner_of_socket(std::uint64_t inode) {
  const auto link = fmt::format("socket:[{}]", inode);
  for (const pid_t pid : list_pids())
    if (holds_socket(pid, link)) return pid;
  return std::nullopt;
}

std::optional<ListeningSocket> first_listener(std::uint16_t port) {
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = read_file(table, kProcTableBytesMax);
    if (!text) continue;
    const auto sockets = parse_listeners(*text, port);
    if (!sockets.empty()) return sockets.front();
  }
  return std::nullopt;
}

}  // namespace

Result<ProcStat> read_proc_stat(pid_t pid) {
  TRY(text, read_proc(pid, "stat"));
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  auto stat = parse_proc_stat(text, page_bytes);
  if (!stat) return malformed(pid, "stat");
  return std::move(*stat);
}

Result<std::uint64_t> read_proc_io_bytes(pid_t pid) {
  TRY(text, read_proc(pid, "io"));
  const auto bytes = parse_proc_io(text);
  if (!bytes) return malformed(pid, "io");
  return *bytes;
}

Result<fs::path> read_proc_exe(pid_t pid) {
  TRY(path, read_proc_link(pid, "exe"));
  // The kernel marks an executable that was replaced or removed since; the name stays the same.
  constexpr std::string_view kDeleted = " (deleted)";
  const auto& text = path.native();
  return text.ends_with(kDeleted) ? fs::path(text.substr(0, text.size() - kDeleted.size())) : path;
}

Result<fs::path> read_proc_cwd(pid_t pid) { return read_proc_link(pid, "cwd"); }

Result<fs::path> read_proc_fd(pid_t pid, int fd) {
  return read_proc_link(pid, fmt::format("fd/{}", fd));
}

Result<std::vector<std::string>> read_proc_cmdline(pid_t pid) {
  TRY(text, read_proc(pid, "cmdline"));
  return parse_cmdline(text);
}

std::vector<pid_t> list_pids() {
  std::vector<pid_t> pids;
  for_each_numbered("/proc",
                    [&pids](std::uint64_t pid) { pids.push_back(static_cast<pid_t>(pid)); });
  return pids;
}

Result<WallTime> proc_started_at(const ProcStat& stat) {
  const auto hertz = ::sysconf(_SC_CLK_TCK);
  if (hertz <= 0) return fail(ErrorCode::Failed, "the system does not tell its clock tick");
  const auto ticks = static_cast<std::int64_t>(stat.start_ticks);
  return boot_time() + Seconds(ticks / hertz) + Millis(ticks % hertz * 1000 / hertz);
}

WallTime boot_time() {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return wall_now() - Seconds(since_boot.tv_sec) -
         std::chrono::microseconds(since_boot.tv_nsec / 1000);
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", kProcEntryBytesMax);
  if (!text) return "unknown";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return std::move(*text);
}

std::optional<Listener> find_tcp_listener(std::uint16_t port) {
  auto socket = first_listener(port);
  if (!socket) return std::nullopt;
  Listener listener{
      .address = std::move(socket->address), .pid = owner_of_socket(socket->inode), .command = {}};
  if (!listener.pid) return listener;
  if (auto stat = read_proc_stat(*listener.pid)) listener.command = std::move(stat->command);
  return listener;
}

}  // namespace pgkeel::runtime
