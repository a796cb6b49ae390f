// See process_watch.hpp.
#include "sense/process_watch.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "instance/libc.hpp"
#include "runtime/file_watch.hpp"
#include "runtime/kernel_log.hpp"
#include "runtime/process.hpp"
#include "sense/files_look.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

using runtime::Task;

constexpr Millis kTick{1'000};       // a stopped process is seen within this
constexpr Millis kSearchEvery{250};  // for a server somebody else starts
constexpr Millis kSearchWhenExpected{50};
constexpr Seconds kFilesEvery{5};  // control file and disk space of a running server
constexpr Seconds kSecondComesUp{10};
constexpr Millis kSecondLookEvery{200};
constexpr Seconds kLockFileEvery{5};  // when its changes are not told
constexpr Seconds kDeadLookEvery{2};  // port, mount and configuration while it is down

// CPU and I/O of all processes of the server, as one number that only has to move.
std::uint64_t activity_of(pid_t postmaster) {
  std::uint64_t sum = 0;
  for (const auto pid : runtime::list_pids()) {
    const auto stat = runtime::read_proc_stat(pid);
    if (!stat || (stat->pid != postmaster && stat->parent != postmaster)) continue;
    sum += stat->cpu_ticks;
    sum += runtime::read_proc_io_bytes(pid).value_or(0);
  }
  return sum;
}

// Old probe results say nothing about a server that has died or just started.
void forget_probes(Observation& seen) {
  seen.login.result = ProbeResult::NotYet;
  seen.write.result = ProbeResult::NotYet;
  seen.login.failures = seen.write.failures = seen.login.crowded_looks = 0;
  seen.activity = {};
}

// Whoever started the server chose where it writes.
fs::path error_output_of(pid_t pid) {
  auto path = runtime::read_proc_fd(pid, STDERR_FILENO);
  std::error_code error;
  if (!path || !fs::is_regular_file(*path, error)) return {};
  return std::move(*path);
}

// Whoever started the server may have given it another port than the last time.
void follow_address(Board& board, const pg::PostmasterPid& file) {
  auto& conninfo = board.options.conninfo;
  const auto port = std::to_string(file.port);
  const bool moved = board.options.follows_port && file.port != 0 && conninfo.port != port;
  const bool elsewhere =
      board.options.follows_socket && !file.socket_dir.empty() && conninfo.host != file.socket_dir;
  if (!moved && !elsewhere) return;
  if (moved) conninfo.port = port;
  if (elsewhere) conninfo.host = file.socket_dir;
  log_info("the server listens elsewhere", {{"at", conninfo.redacted()}});
  board.poked.notify_all();
}

void note_running(Board& board, const instance::Postmaster& postmaster) {
  auto& process = board.seen.process;
  process = {};
  process.state = ProcessState::Running;
  process.pid = postmaster.pid;
  process.at = process.found_at = process.progress_at = board.loop.now();
  process.libc = instance::libc_of(postmaster.pid);
  board.seen.start = {};
  board.error_output = error_output_of(postmaster.pid);
  forget_probes(board.seen);
  follow_address(board, postmaster.file);
  board.changed.notify_all();
  board.poked.notify_all();
}

void note_stopped_or_running(Board& board, char kernel_state) {
  auto& process = board.seen.process;
  const bool stopped = kernel_state == 'T';
  const auto state = stopped ? ProcessState::Stopped : ProcessState::Running;
  process.at = board.loop.now();
  if (state == process.state) return;
  process.state = state;
  if (stopped) process.stopped_since = process.at;
  else process.stopped_since.reset();
  board.changed.notify_all();
  board.poked.notify_all();
}

void note_lock_file(Board& board, const instance::Instance& instance) {
  const auto postmaster = instance.find_postmaster();
  if (!postmaster) return;  // it is just ending: its last word stays
  follow_address(board, postmaster->file);
  const bool stops = postmaster->file.status == "stopping";
  if (stops == board.seen.process.stopping) return;
  board.seen.process.stopping = stops;
  board.changed.notify_all();
  board.poked.notify_all();
}

void note_progress(Board& board, std::uint64_t& last_activity) {
  auto& process = board.seen.process;
  if (!board.in_doubt()) {
    process.progress_at = process.at;
    return;
  }
  const auto activity = activity_of(process.pid);
  if (activity != last_activity) process.progress_at = process.at;
  last_activity = activity;
}

Task<void> note_death(Board* board, instance::Instance* instance, runtime::KernelLog* kernel_log,
                      std::optional<runtime::ExitStatus> exit) {
  auto& process = board->seen.process;
  process.state = ProcessState::Absent;
  process.died_at = process.at = board->loop.now();
  process.exit = exit;
  process.oom_kill = kernel_log->oom_kill_of(process.pid).value_or("");
  process.stopped_since.reset();
  forget_probes(board->seen);
  co_await look_at_dead_server(board, instance);
}

// When a dead server is looked at again: from time to time, and soon when its log has grown, since
// a start that somebody else tried and that failed says there why.
struct NextLook {
  SteadyTime at{};
  SteadyTime last{};
  std::uintmax_t log_size = 0;
};

std::uintmax_t log_size(const Board& board, const instance::Instance& instance) {
  std::error_code error;
  const auto size = fs::file_size(log_of(board, instance), error);
  return error ? 0 : size;
}

NextLook after_this(const Board& board, std::uintmax_t size) {
  const auto now = board.loop.now();
  return {now + kDeadLookEvery, now, size};
}

// Returns when the process has ended and its death was looked at: when to look again.
Task<NextLook> follow(Board* board, instance::Instance* instance, runtime::ProcessHandle handle) {
  std::uint64_t activity = 0;
  auto kernel_log = runtime::KernelLog::from_now();
  auto files_due = board->loop.now();
  while (true) {
    if (board->loop.now() >= files_due) {
      look_at_data_dir(*board, *instance);
      note_lock_file(*board, *instance);
      files_due = board->loop.after(kFilesEvery);
    }
    const auto ended = co_await handle.wait_exit(board->loop, board->loop.in_step(kTick));
    if (ended) {
      const auto next = after_this(*board, log_size(*board, *instance));
      co_await note_death(board, instance, &kernel_log, *ended);
      co_return next;
    }
    const auto stat = runtime::read_proc_stat(handle.pid());
    if (!stat) continue;  // it is just ending: the next wait says so
    note_stopped_or_running(*board, stat->state);
    note_progress(*board, activity);
    if (!runtime::inode_of(instance->data_dir() / "PG_VERSION"))
      look_at_data_dir(*board, *instance);
  }
}

// Another lock file while ours runs is another server's: the one thing that must not be. It counts
// as one when it has children.
Task<void> look_for_second(Board* board, instance::Instance* instance, pid_t pid) {
  const auto until = board->loop.after(kSecondComesUp);
  const auto& process = board->seen.process;
  while (process.pid == pid && process.state != ProcessState::Absent && board->loop.now() < until) {
    board->seen.files.lock = instance->inspect_lock();
    if (board->seen.files.lock.servers > 1) {
      board->changed.notify_all();
      co_return;
    }
    static_cast<void>(co_await board->loop.sleep_for(kSecondLookEvery));
  }
}

// The server writes into its lock file what it is about to do: read as it happens, because an
// immediate stop leaves a few milliseconds.
Task<void> watch_lock_file(Board* board, instance::Instance* instance, pid_t pid) {
  const auto& process = board->seen.process;
  auto watch = runtime::FileWatch::create(instance->data_dir() / "postmaster.pid");
  while (watch && process.pid == pid && process.state != ProcessState::Absent) {
    const auto same = co_await watch->changed(board->loop, board->loop.after(kLockFileEvery));
    if (process.pid == pid && process.state != ProcessState::Absent)
      note_lock_file(*board, *instance);
    if (same && !*same) break;
  }
  co_await look_for_second(board, instance, pid);
  while (process.pid == pid && process.state != ProcessState::Absent) {  // nobody tells of changes
    note_lock_file(*board, *instance);
    static_cast<void>(co_await board->loop.sleep_in_step(kTick));
  }
}

// Now, so that a death need not wait for a process that tells it.
Task<void> learn_programs(instance::Instance* instance) {
  static_cast<void>(co_await instance->programs_major());
}

// The postmaster, held so that its pid cannot be reused under us.
std::optional<runtime::ProcessHandle> hold_postmaster(const instance::Postmaster& found) {
  auto handle = runtime::ProcessHandle::open(found.pid);
  if (!handle) return std::nullopt;
  const auto stat = runtime::read_proc_stat(found.pid);
  if (!stat || stat->start_ticks != found.start_ticks) return std::nullopt;
  return std::move(*handle);
}

bool is_due(const Board& board, const instance::Instance& instance, NextLook& next) {
  const auto now = board.loop.now();
  const auto size = log_size(board, instance);
  const bool grown = size != next.log_size && now - next.last >= kSearchEvery;
  if (now < next.at && !grown) return false;
  next = after_this(board, size);
  return true;
}

Task<void> look_while_absent(Board* board, instance::Instance* instance, NextLook* next) {
  // Where its place is not known, or hidden, a server that is not found may well run.
  const bool looked = instance->capabilities().sees_files;
  if (looked && board->seen.process.state == ProcessState::Unknown) {
    board->seen.process.state = ProcessState::Absent;
    board->seen.process.at = board->loop.now();
  }
  if (is_due(*board, *instance, *next)) co_await look_at_dead_server(board, instance);
  const bool expected = board->loop.now() < board->expected_until;
  const auto pause = expected ? kSearchWhenExpected : kSearchEvery;
  static_cast<void>(co_await board->poked.wait_until(board->loop.after(pause)));
}

}  // namespace

Task<void> watch_process(Board* board, instance::Instance* instance) {
  NextLook next;
  while (true) {
    const auto found = instance->find_postmaster();
    auto handle = found ? hold_postmaster(*found) : std::nullopt;
    if (!handle) {
      co_await look_while_absent(board, instance, &next);
      continue;
    }
    note_running(*board, *found);
    board->loop.spawn(watch_lock_file(board, instance, found->pid));
    board->loop.spawn(learn_programs(instance));
    next = co_await follow(board, instance, std::move(*handle));
  }
}

}  // namespace pgkeel::sense
