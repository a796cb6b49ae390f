// Starting and stopping a container's server: by the engine, in an order that leaves no moment in
// which engine and guard would both do it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "instance/container_instance.hpp"
#include "instance/data_dir.hpp"
#include "instance/ending.hpp"
#include "instance/preflight.hpp"
#include "instance/readiness.hpp"
#include "instance/server_processes.hpp"

namespace pgkeel::instance {
namespace {

using runtime::Task;

// Engines back off from 100 ms, doubling; after this the guard takes its turn. Starting what the
// engine has just started is answered "already running".
constexpr Seconds kEnginesTurn{3};
constexpr Millis kLookEvery{50};
constexpr Millis kAskEvery{300};  // whether the container still runs
constexpr Seconds kStopGraceMax{60};
// What the server says when it refuses its configuration (guc-file.c, postmaster.c, hba.c).
constexpr auto kConfigComplaints = std::to_array<std::string_view>(
    {"contains errors", "syntax error in file", "could not load ", "invalid value for parameter",
     "unrecognized configuration parameter"});

bool complains(std::string_view line) {
  return std::ranges::any_of(kConfigComplaints, [line](std::string_view words) {
    return line.find(words) != std::string_view::npos;
  });
}

}  // namespace

// The parser that counts is inside the image; what it said last is in the log.
Task<Result<void>> ContainerInstance::check_config() {
  const auto log = co_await recent_log();
  if (!log || find_postmaster()) co_return Result<void>();
  const auto line = telling_line(*log);
  if (!complains(line)) co_return Result<void>();
  co_return fail(ErrorCode::ConfigBadValue, "the server refuses its configuration: " + line);
}

Task<Result<void>> ContainerInstance::preflight() {
  CO_TRY_VOID(co_await locate());
  co_return check_data_dir(inspect_data_dir(), data_dir_);
}

Result<void> ContainerInstance::check_start(SystemId expected) const {
  TRY(control, read_control_file(data_dir_));
  TRY_VOID(check_identity(control, data_dir_, expected));
  const auto lock = inspect_lock();
  if (lock.state == LockState::Orphans)
    return fail(ErrorCode::WrongState,
                "processes of the old server still run in " + data_dir_.string());
  if (lock.state == LockState::Unclear)
    return fail(ErrorCode::Refused,
                "it is not clear which server runs in " + data_dir_.string() + ": " + lock.detail);
  return {};
}

// While the restart policy brings the container back the guard keeps out of its way.
Task<Result<void>> ContainerInstance::await_engine(ContainerFacts facts) {
  if (!engine_restarts(facts, facts.exit_code)) co_return Result<void>();
  const auto until = loop_->after(kEnginesTurn);
  while (loop_->now() < until && !find_postmaster())
    CO_TRY_VOID(co_await loop_->sleep_for(kLookEvery));
  co_return Result<void>();
}

std::optional<runtime::ProcessHandle> ContainerInstance::open_postmaster() const {
  const auto postmaster = find_postmaster();
  if (!postmaster) return std::nullopt;
  const ServerProcess process{.pid = postmaster->pid, .start_ticks = postmaster->start_ticks};
  auto handle = open_server_process(process, data_dir_);
  if (!handle) return std::nullopt;
  return std::move(*handle);
}

// Nothing when the container ended without one.
Task<Result<std::optional<runtime::ProcessHandle>>> ContainerInstance::await_postmaster(
    SteadyTime deadline) {
  auto ask_at = loop_->after(kAskEvery);
  while (loop_->now() < deadline) {
    if (auto handle = open_postmaster()) co_return std::move(handle);
    if (loop_->now() >= ask_at) {
      CO_TRY_VOID(co_await locate());
      const bool another_comes = facts_->restarting || swarm_task(*facts_);
      if (!facts_->running && !another_comes) co_return std::optional<runtime::ProcessHandle>();
      ask_at = loop_->after(kAskEvery);
    }
    CO_TRY_VOID(co_await loop_->sleep_for(kLookEvery));
  }
  co_return fail(ErrorCode::TimedOut,
                 fmt::format("container {} has no server yet", plan_.container));
}

Task<Result<StartReport>> ContainerInstance::failed_start() {
  StartReport report;
  const auto log = co_await recent_log();
  if (log) report.server_log = *log;
  co_return report;
}

// A service's next container is made by the Swarm alone: the last one is never started again.
Task<Result<void>> ContainerInstance::start_container() {
  if (swarm_task(*facts_)) co_return Result<void>();
  log_info("starting container", {{"container", plan_.container}});
  auto started = co_await engine_.start(plan_.container);
  co_return started;
}

Task<Result<StartReport>> ContainerInstance::start(StartOptions options, SteadyTime deadline) {
  CO_TRY_VOID(co_await preflight());
  CO_TRY_VOID(check_start(options.expected));
  if (facts_->paused)
    co_return fail(Error(ErrorCode::WrongState, "container " + plan_.container + " is paused")
                       .with_hint("docker unpause " + plan_.container));
  CO_TRY_VOID(co_await await_engine(*facts_));
  const auto started_at = loop_->now();
  if (!find_postmaster()) {
    CO_TRY_VOID(check_start(options.expected));
    CO_TRY_VOID(co_await start_container());
  }
  CO_TRY(process, co_await await_postmaster(deadline));
  if (!process) {
    auto failed = co_await failed_start();
    co_return failed;
  }
  StartedServer server{
      data_dir_, {}, LogMark::take({}, data_dir_), started_at, Namespace::Container};
  server.launch.by = "container engine, start " + plan_.container;
  server.launch.server = std::move(process);
  auto report = co_await await_ready(loop_, std::move(server), deadline);
  if (report && !report->postmaster) report = co_await failed_start();
  co_return report;
}

// By the engine, so that its restart policy does not undo it. An immediate stop is the engine's
// kill: both leave the same to crash recovery.
Task<Result<void>> ContainerInstance::stop(StopMode mode, SteadyTime deadline) {
  const auto left = std::chrono::duration_cast<Seconds>(deadline - loop_->now());
  const auto grace = mode == StopMode::Immediate
                         ? Seconds(0)
                         : std::clamp(left - kEngineCallMax, Seconds(1), kStopGraceMax);
  CO_TRY_VOID(co_await engine_.stop(known_as(), grace));
  auto gone = co_await await_all_gone(loop_, data_dir_, deadline);
  co_return gone;
}

Task<Result<void>> ContainerInstance::await_orphans_gone(SteadyTime patience, SteadyTime deadline) {
  auto gone = co_await end_orphans(loop_, data_dir_, patience, deadline, Namespace::Container);
  co_return gone;
}

Result<void> ContainerInstance::resume_stopped() { return continue_stopped(data_dir_); }

}  // namespace pgkeel::instance
