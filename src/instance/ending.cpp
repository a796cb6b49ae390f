// See ending.hpp. The meaning of the signals is that of postmaster.c: SIGINT fast, SIGQUIT
// immediate.
#include "instance/ending.hpp"

#include <algorithm>
#include <csignal>

#include "base/log.hpp"
#include "instance/server_processes.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

// To every process that still is one of this server; those that have ended meanwhile are fine.
Result<void> signal_all(const fs::path& data_dir, int number) {
  for (const ServerProcess& process : scan_server_processes(data_dir).processes) {
    const auto handle = open_server_process(process, data_dir);
    if (!handle) continue;
    const auto sent = handle->signal(number);
    if (!sent && handle->alive()) return fail(sent.error());
  }
  return {};
}

constexpr Millis kLookAgain{20};

// A process without a name yet is a server that starts, or a worker whose postmaster died while it
// was forked: whichever it is, it shows within seconds.
runtime::Task<Result<void>> no_postmaster_left(runtime::Loop* loop, fs::path data_dir,
                                               SteadyTime deadline, Namespace expected) {
  LockFacts lock = inspect_lock(data_dir, expected).facts;
  while (lock.settling && loop->now() < deadline) {
    CO_TRY_VOID(co_await loop->sleep_for(kLookAgain));
    lock = inspect_lock(data_dir, expected).facts;
  }
  if (lock.state == LockState::Live)
    co_return fail(ErrorCode::WrongState, "a postmaster runs in " + data_dir.string());
  if (lock.state == LockState::Unclear)
    co_return fail(ErrorCode::Refused, "it is not clear whether a server runs in " +
                                           data_dir.string() + ": " + lock.detail);
  co_return Result<void>();
}

bool timed_out(const Result<void>& result) {
  return !result && result.error().code == ErrorCode::TimedOut;
}

}  // namespace

runtime::Task<Result<void>> await_all_gone(runtime::Loop* loop, fs::path data_dir,
                                           SteadyTime deadline) {
  while (true) {
    const ServerScan scan = scan_server_processes(data_dir);
    if (scan.processes.empty()) co_return Result<void>();
    const auto handle = open_server_process(scan.processes.front(), data_dir);
    if (!handle && handle.error().code == ErrorCode::NotFound) continue;  // it has just ended
    if (!handle) co_return fail(handle.error());
    const auto gone = co_await handle->wait_exit(*loop, deadline);
    if (gone) continue;
    if (gone.error().code != ErrorCode::TimedOut) co_return fail(gone.error());
    co_return fail(ErrorCode::TimedOut, std::to_string(scan.processes.size()) +
                                            " processes still run in " + data_dir.string() +
                                            " (first pid " + std::to_string(handle->pid()) + ")");
  }
}

runtime::Task<Result<void>> end_orphans(runtime::Loop* loop, fs::path data_dir, SteadyTime patience,
                                        SteadyTime deadline, Namespace expected) {
  CO_TRY_VOID(co_await no_postmaster_left(loop, data_dir, deadline, expected));
  auto gone = co_await await_all_gone(loop, data_dir, std::min(patience, deadline));
  if (!timed_out(gone)) co_return gone;

  CO_TRY_VOID(co_await no_postmaster_left(loop, data_dir, deadline, expected));
  log_warning("ending orphans of a dead postmaster", {{"data_dir", data_dir.string()}});
  CO_TRY_VOID(signal_all(data_dir, SIGQUIT));
  CO_TRY_VOID(signal_all(data_dir, SIGCONT));  // a stopped one cannot quit
  gone = co_await await_all_gone(loop, data_dir, std::min(loop->after(kQuitGrace), deadline));
  if (!timed_out(gone)) co_return gone;

  CO_TRY_VOID(co_await no_postmaster_left(loop, data_dir, deadline, expected));
  CO_TRY_VOID(signal_all(data_dir, SIGKILL));
  gone = co_await await_all_gone(loop, data_dir, deadline);
  co_return gone;
}

runtime::Task<Result<void>> stop_server(runtime::Loop* loop, fs::path data_dir, StopMode mode,
                                        SteadyTime deadline) {
  const LockJudgement lock = inspect_lock(data_dir);
  if (lock.facts.state == LockState::Unclear)
    co_return fail(ErrorCode::Refused, "it is not clear which server runs in " + data_dir.string() +
                                           ": " + lock.facts.detail);
  if (lock.postmaster) {
    const auto handle = open_server_process(*lock.postmaster, data_dir);
    if (handle) {
      CO_TRY_VOID(handle->signal(mode == StopMode::Fast ? SIGINT : SIGQUIT));
      CO_TRY_VOID(continue_stopped(data_dir));
      CO_TRY_VOID(co_await handle->wait_exit(*loop, deadline));
    }
  }
  auto gone = co_await await_all_gone(loop, data_dir, deadline);
  co_return gone;
}

Result<void> continue_stopped(const fs::path& data_dir) {
  for (const ServerProcess& process : scan_server_processes(data_dir).processes) {
    if (process.state != 'T') continue;
    const auto handle = open_server_process(process, data_dir);
    if (!handle) continue;
    const auto sent = handle->signal(SIGCONT);
    if (!sent && handle->alive()) return fail(sent.error());
  }
  return {};
}

}  // namespace pgkeel::instance
