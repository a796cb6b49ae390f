// A server that has answered nobody, used no CPU and done no I/O for hung_after is ended and
// started again. Ended in the order the server itself defines: an immediate shutdown first, SIGKILL
// only when that is not heard. No committed work is lost: WAL replay brings it back.
#include "recover/playbooks/server_steps.hpp"

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

using runtime::Task;

// A postmaster that hears the request says "stopping" in its lock file at once, and then gives its
// children five seconds.
constexpr Seconds kHearingPatience{2};
constexpr Seconds kImmediateStopPatience{10};
constexpr Seconds kKillDeadline{10};

std::string describe_stop(const StepContext& context) {
  const auto postmaster = context.services.instance.find_postmaster();
  return fmt::format("immediate shutdown of process {}, SIGKILL if it does not hear it",
                     postmaster ? postmaster->pid : 0);
}

Task<StepResult> kill_postmaster(StepContext* context, instance::Postmaster postmaster) {
  auto& loop = context->services.loop;
  auto handle = runtime::ProcessHandle::open(postmaster.pid);
  if (!handle) co_return StepResult::done("it ended by itself");
  const auto stat = runtime::read_proc_stat(postmaster.pid);
  if (!stat || stat->start_ticks != postmaster.start_ticks)
    co_return StepResult::done("it ended by itself");
  const auto sent = handle->signal(SIGKILL);
  if (!sent) co_return StepResult::failed(sent.error());
  const auto ended = co_await handle->wait_exit(loop, loop.after(kKillDeadline));
  if (!ended)
    co_return StepResult::for_human("a human: SIGKILL does not end it; its storage hangs");
  co_return StepResult::done("ended with SIGKILL");
}

Task<Result<void>> stop_at_once(Services* services) {
  auto& instance = services->instance;
  auto& loop = services->loop;
  auto stopped =
      co_await instance.stop(instance::StopMode::Immediate, loop.after(kHearingPatience));
  const auto left = instance.find_postmaster();
  if (stopped || !left || left->file.status != "stopping") co_return stopped;
  stopped =
      co_await instance.stop(instance::StopMode::Immediate, loop.after(kImmediateStopPatience));
  co_return stopped;
}

Task<StepResult> stop_hung(StepContext* context) {
  auto& services = context->services;
  const auto postmaster = services.instance.find_postmaster();
  if (!postmaster) co_return StepResult::skipped("it does not run any more");
  const auto stopped = co_await stop_at_once(&services);
  if (stopped) co_return StepResult::done("immediate shutdown");
  auto killed = co_await kill_postmaster(context, *postmaster);
  co_return killed;
}

const Step kSteps[] = {
    {"stop_hung_server",
     describe_stop,
     stop_hung,
     Effect::Final,
     "its sessions are lost, which got no answer; what was committed is in the WAL",
     {&kNobodyIsServed, &kShowsNoLife}},
    kAwaitChildrenGone,
    kStartServer};

}  // namespace

const Playbook kReplaceHungServer{
    "replace_hung_server", "End a dead-silent server and start it again.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
