// See entry_point.hpp.
#include "app/guard/entry_point.hpp"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "app/guard.hpp"
#include "app/guard/guard.hpp"
#include "app/guard/startup.hpp"
#include "base/log.hpp"
#include "instance/server_processes.hpp"
#include "recover/purpose.hpp"
#include "runtime/init.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

// Together less than the init's grace, which is less than the engine's ten seconds.
constexpr Millis kFastStop{8'000};
constexpr Millis kImmediateStop{1'000};
constexpr Seconds kStartDeadline{60};  // a longer recovery goes on by itself and is watched

bool owns_server(const Config& config) {
  const auto kind = config.instance.kind;
  return kind == instance::Kind::Embedded || kind == instance::Kind::Managed;
}

Task<Result<void>> stop_server(runtime::Loop* loop, instance::Instance* instance) {
  const auto began = loop->now();
  const auto log_stopped = [&](std::string_view how) {
    const auto took = std::chrono::duration_cast<Millis>(loop->now() - began);
    const auto control = instance->inspect_data_dir().control;
    const bool clean = control && control->state == pg::ClusterState::ShutDown;
    log_info("PostgreSQL stopped", {{"how", how},
                                    {"left", clean ? "clean" : "to recover at the next start"},
                                    {"took_ms", took.count()}});
  };
  auto fast = co_await instance->stop(instance::StopMode::Fast, loop->after(kFastStop));
  if (fast) {
    log_stopped("fast");
    co_return Result<void>();
  }
  log_warning("no clean stop; ending it at once", {{"why", fast.error().message()}});
  auto immediate =
      co_await instance->stop(instance::StopMode::Immediate, loop->after(kImmediateStop));
  if (immediate) log_stopped("immediate");
  co_return immediate;
}

// The guard and all it had begun are gone by now: nobody starts what is stopped here.
Result<void> stop_with_container(const Config& config) {
  runtime::Loop loop;
  TRY(instance, instance::make_instance(loop, instance_config(config)));
  // Without a postmaster there is nothing to stop in order.
  const auto lock = instance->inspect_lock().state;
  if (lock != instance::LockState::Live && lock != instance::LockState::Unclear) return {};
  log_info("stopping, and PostgreSQL with it", {{"instance", instance->describe()}});
  return loop.run_until_complete(stop_server(&loop, instance.get()));
}

Result<int> run_life(const Config& config, Guard::Start start) {
  Guard guard(config, Place::EntryPoint, start);
  return guard.run();
}

}  // namespace

Place usual_place() { return ::getpid() == 1 ? Place::EntryPoint : Place::BesideServer; }

Result<int> run_entry_point(const Config& config) {
  TRY(fork, runtime::become_init());
  if (fork.exit_code) return *fork.exit_code;
  const bool owns = owns_server(config);
  const bool first = fork.life == 0;
  auto ended = run_life(config, owns && first ? Guard::Start::Server : Guard::Start::AsLeft);
  // A later life that cannot start leaves the server running, and is tried again.
  if (!owns || (!ended && !first)) return ended;
  const auto stopped = stop_with_container(config);
  if (!stopped)
    log_error("PostgreSQL not stopped; it ends with the container and recovers at the next start",
              {{"why", stopped.error().message()}});
  return ended;
}

Task<Result<void>> start_with_container(runtime::Loop* loop, instance::Instance* instance,
                                        incident::Ledger* ledger) {
  CO_TRY_VOID(recover::keep_stop_on_purpose(*ledger, false));
  if (instance->find_postmaster()) co_return Result<void>();
  const auto facts = instance->inspect_data_dir();
  CO_TRY(identity, ledger->identity());
  // A stranger, or nothing that could be started: the loop names it.
  if (!facts.control || (identity && identity->system_id != facts.control->system_id))
    co_return Result<void>();
  const bool clean = pg::is_clean(facts.control->state);
  log_info("starting with the container",
           {{"instance", instance->describe()}, {"left", clean ? "clean" : "by a crash"}});
  instance::StartOptions options;
  options.expected = facts.control->system_id;
  const auto report = co_await instance->start(options, loop->after(kStartDeadline));
  if (!report) log_warning("not started", {{"why", report.error().message()}});
  co_return Result<void>();
}

void reload_server(const instance::Instance* instance) {
  const auto postmaster = instance == nullptr ? std::nullopt : instance->find_postmaster();
  if (!postmaster) {
    log_warning("nothing to reload: no server runs");
    return;
  }
  const instance::ServerProcess process{.pid = postmaster->pid,
                                        .start_ticks = postmaster->start_ticks};
  const auto handle = instance::open_server_process(process, instance->data_dir());
  const auto sent = handle ? handle->signal(SIGHUP) : Result<void>(fail(handle.error()));
  if (sent) log_info("PostgreSQL reads its configuration again", {{"pid", postmaster->pid}});
  else log_warning("not reloaded", {{"why", sent.error().message()}});
}

}  // namespace pgkeel::app
