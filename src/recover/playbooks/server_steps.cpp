// See server_steps.hpp. Starting needs the ledger's system identifier: an unknown cluster is not
// started by a recovery.
#include "recover/playbooks/server_steps.hpp"

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

using runtime::Task;

// Children of a killed postmaster notice within milliseconds (their death pipe closes). Longer than
// this they are ended, since no new postmaster may share memory or files with them.
constexpr Seconds kChildrenPatience{1};
constexpr Seconds kChildrenDeadline{60};
// Crash recovery may take long and is never cut short: after this the step ends well and the guard
// goes on watching a server that says "starting up".
constexpr Seconds kStartPatience{10};

std::string describe_children(const StepContext& context) {
  const auto orphans = context.services.instance.inspect_lock().orphans.size();
  return fmt::format("wait for {} processes of the old server in {}", orphans,
                     context.services.instance.data_dir().string());
}

Task<StepResult> await_children(StepContext* context) {
  auto& services = context->services;
  const auto gone = co_await services.instance.await_orphans_gone(
      services.loop.after(kChildrenPatience), services.loop.after(kChildrenDeadline));
  if (!gone) co_return StepResult::failed(gone.error());
  co_return StepResult::done();
}

std::string describe_start(const StepContext& context) {
  return "start " + context.services.instance.describe();
}

std::optional<pid_t> stale_pid_to_ignore(const instance::Instance& instance) {
  const auto lock = instance.inspect_lock();
  if (lock.state != instance::LockState::Stale || !lock.pid_reused || !lock.file)
    return std::nullopt;
  return lock.file->pid;
}

std::string last_words(const std::string& log) {
  constexpr std::size_t kWordsMax = 1000;
  return log.size() <= kWordsMax ? log : log.substr(log.size() - kWordsMax);
}

StepResult judge_start(StepContext& context, const instance::StartReport& report) {
  sense::StartFacts facts;
  facts.at = context.services.loop.now();
  facts.attempted = true;
  facts.failed = !report.postmaster.has_value();
  facts.note = facts.failed ? "the server ended again: " + last_words(report.server_log) : "";
  context.services.senses.note_start(facts);
  if (!facts.failed) return StepResult::done(fmt::format("pid {}", report.postmaster->pid));
  return StepResult::failed(Error(ErrorCode::ServerStartFailed, facts.note));
}

Task<StepResult> start(StepContext* context) {
  auto& services = context->services;
  if (const auto running = services.instance.find_postmaster())
    co_return StepResult::skipped(fmt::format("runs already, pid {}", running->pid));
  const auto identity = services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  if (!identity->has_value()) co_return StepResult::for_human("a human: no identity is known");

  instance::StartOptions options;
  options.expected = (*identity)->system_id;
  options.stale_pid = stale_pid_to_ignore(services.instance);
  const auto report =
      co_await services.instance.start(options, services.loop.after(kStartPatience));
  if (report) co_return judge_start(*context, *report);
  if (report.error().code == ErrorCode::TimedOut)
    co_return StepResult::done("started; it still recovers");
  co_return StepResult::failed(report.error());
}

}  // namespace

constinit const Step kAwaitChildrenGone{
    "await_children_gone",
    describe_children,
    await_children,
    Effect::Final,
    "children without a postmaster serve nobody; what they committed is in the WAL",
    {&kLeftoversAreOrphans, &kNoStrangerThere}};
constinit const Step kStartServer{"start_server",
                                  describe_start,
                                  start,
                                  Effect::Reversible,
                                  "pgkeel pause; then stop the server (pg_ctl stop -m fast)",
                                  {&kIdentityIsKnown, &kNoStrangerThere}};

}  // namespace pgkeel::recover
