// See strays.hpp.
#include "app/demo/strays.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "app/gateway/guard_link.hpp"
#include "archive/receive/receive.hpp"
#include "instance/lock.hpp"
#include "runtime/lock_note.hpp"
#include "runtime/process.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using runtime::FileLock;
using runtime::ProcessHandle;

constexpr Millis kPollEvery{20};
constexpr Seconds kKilledWithin{5};

bool ended_within(const ProcessHandle& process, Seconds patience) {
  const auto deadline = SteadyClock::now() + patience;
  while (process.alive() && SteadyClock::now() < deadline) std::this_thread::sleep_for(kPollEvery);
  return !process.alive();
}

bool holds_open(pid_t pid, const fs::path& file) {
  const auto wanted = runtime::inode_of(file);
  std::error_code error;
  for (fs::directory_iterator entry(fmt::format("/proc/{}/fd", pid), error), end;
       wanted && !error && entry != end; entry.increment(error)) {
    const auto open = runtime::inode_of(entry->path());
    if (open && *open == *wanted) return true;
  }
  return false;
}

// Nothing when the note is of another process, or of one that has ended meanwhile.
std::optional<ProcessHandle> holder_of(const fs::path& lock) {
  const auto pid = runtime::noted_pid(lock);
  if (!pid) return std::nullopt;
  auto process = ProcessHandle::open(*pid);
  if (!process || !holds_open(*pid, lock) || !process->alive()) return std::nullopt;
  return *std::move(process);
}

void end(const ProcessHandle& process, Seconds patience) {
  static_cast<void>(process.signal(SIGTERM));
  static_cast<void>(process.signal(SIGCONT));
  if (ended_within(process, patience)) return;
  static_cast<void>(process.signal(SIGKILL));
  static_cast<void>(ended_within(process, kKilledWithin));
}

// A lock that is held for a moment by somebody who only looks is tried again.
Result<FileLock> take_from_holder(const fs::path& lock, Seconds patience) {
  const auto deadline = SteadyClock::now() + patience + kKilledWithin;
  while (true) {
    auto taken = FileLock::acquire(lock, "the end of the state directory");
    if (taken || taken.error().code != ErrorCode::StateLocked) return taken;
    if (SteadyClock::now() > deadline)
      return fail(ErrorCode::TimedOut, "did not end: " + taken.error().detail);
    if (const auto process = holder_of(lock)) end(*process, patience);
    else std::this_thread::sleep_for(kPollEvery);
  }
}

std::vector<fs::path> locks_in(const fs::path& state_dir) {
  std::vector<fs::path> locks{state_dir / archive::kReceiveLockFile, state_dir / kGatewayLockFile};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state_dir / "jobs", error))
    if (entry.path().extension() == ".lock") locks.push_back(entry.path());
  return locks;
}

}  // namespace

// Jobs first: a backup waits for what the receiver takes.
Result<std::vector<FileLock>> end_strays(const fs::path& state_dir, Seconds patience) {
  std::vector<FileLock> taken;
  std::error_code error;
  if (!fs::is_directory(state_dir, error)) return taken;
  auto locks = locks_in(state_dir);
  std::ranges::reverse(locks);
  for (const auto& lock : locks) {
    TRY(held, take_from_holder(lock, patience));
    taken.push_back(std::move(held));
  }
  return taken;
}

Result<void> end_servers_below(const fs::path& directory, Seconds patience) {
  std::error_code error;
  constexpr auto kOptions = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(directory, kOptions, error), none;
       !error && entry != none; entry.increment(error)) {
    if (!entry->is_directory(error)) continue;
    const bool cluster = fs::exists(entry->path() / "PG_VERSION", error);
    if (cluster || entry.depth() + 1 >= kServerDepth) entry.disable_recursion_pending();
    const auto postmaster =
        cluster ? instance::find_postmaster(entry->path()) : std::optional<instance::Postmaster>();
    if (!postmaster) continue;
    const auto process = ProcessHandle::open(postmaster->pid);
    if (!process || !instance::find_postmaster(entry->path())) continue;
    static_cast<void>(process->signal(SIGQUIT));
    static_cast<void>(process->signal(SIGCONT));
    if (ended_within(*process, patience)) continue;
    return fail(ErrorCode::TimedOut, fmt::format("the server in {} (pid {}) did not end",
                                                 entry->path().native(), process->pid()));
  }
  return {};
}

}  // namespace pgkeel::app
