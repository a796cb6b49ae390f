// The kernel ended the server for want of memory. Once is chance, and it is only started again; the
// second time within an hour it is a loop, and each time one step is taken against it: the limit of
// its container is raised, as far as the policy allows; where that is not allowed or has its end,
// work_mem is halved, down to a floor, by ALTER SYSTEM. Both once the server is started again, for
// which it needs little: Podman changes the limit only of what runs. What was before is in the
// step's result, and the first work_mem in the ledger. Nothing is restarted for it, and
// shared_buffers and max_connections, which need that, are advice only.
#include <algorithm>

#include <fmt/format.h>

#include "recover/memory_step.hpp"
#include "recover/playbooks/server_steps.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr const char* kRaised = "raised";  // the note that says the limit was
constexpr std::string_view kWorkMemFact = "work_mem_before";
constexpr unsigned kMegabyteBits = 20;

std::int64_t megabytes(std::int64_t bytes) { return bytes >> kMegabyteBits; }

// How often it was started after such an end within kLoopWithin, this time included.
Result<int> starts_in_a_row(const StepContext& context) {
  TRY(recent, context.services.journal.list(kIncidentsLookedAt));
  const auto since = wall_now() - kLoopWithin;
  int starts = 0;
  for (const auto& one : recent) {
    if (one.cause != "oom_killed") continue;
    TRY(whole, context.services.journal.load(one.id));
    starts += static_cast<int>(
        std::ranges::count_if(whole.actions, [since](const incident::Action& action) {
          // Skipped: somebody else, an engine perhaps, had started it already.
          const bool ran = action.outcome == incident::ActionOutcome::Done ||
                           action.outcome == incident::ActionOutcome::Skipped;
          return action.step == "start_server" && action.started_at >= since && ran;
        }));
  }
  return starts;
}

std::string describe_raise(const StepContext& context) {
  const auto most = context.services.memory_limit_most;
  if (most == 0)
    return "leave the container's memory limit as it is: recover.memory_limit is not set";
  return fmt::format(
      "where it was killed in the last hour before: double the container's memory "
      "limit, up to {} MB",
      megabytes(static_cast<std::int64_t>(most)));
}

Task<StepResult> raise(StepContext* context) {
  auto& services = context->services;
  const auto starts = starts_in_a_row(*context);
  if (!starts) co_return StepResult::failed(starts.error());
  if (*starts <= 1) co_return StepResult::skipped("it is the first time in an hour");
  const auto hosting = co_await services.instance.inspect_hosting();
  if (!hosting || !hosting->exists) co_return StepResult::skipped("no container has a limit");
  const auto& container = hosting->container;
  const auto& host = services.senses.observation().host;
  const auto wanted =
      next_limit(container.memory_limit, services.memory_limit_most, host.memory_bytes);
  if (wanted == 0)
    co_return StepResult::skipped(
        limit_advice(container.name, container.memory_limit, services.memory_limit_most));
  const auto raised = co_await services.instance.raise_memory_limit(wanted);
  if (!raised && raised.error().code == ErrorCode::Refused)
    co_return StepResult::skipped(raised.error().message());
  if (!raised) co_return StepResult::failed(raised.error());
  context->notes[kRaised] = "yes";
  co_return StepResult::done(fmt::format(
      "from {0} to {1} MB; 'docker update --memory {0}m {2}' takes it back; write it into the "
      "Compose file, which else sets the old one again",
      megabytes(container.memory_limit), megabytes(wanted), container.name));
}

std::string describe_lower(const StepContext& /*context*/) {
  return fmt::format(
      "where it was killed in the last hour before and no limit was raised: halve "
      "work_mem, to no less than {} kB",
      kWorkMemFloorKb);
}

struct WorkMem {
  std::int64_t kilobytes = 0;
  bool by_alter_system = false;
};

Task<Result<WorkMem>> work_mem_now(Services* services) {
  CO_TRY(rows,
         co_await run_statement(
             services, maintenance_database(*services),
             "select setting::bigint, coalesce(sourcefile like '%postgresql.auto.conf', false)"
             " from pg_catalog.pg_settings where name = 'work_mem'"));
  const auto kilobytes = rows.int64(0, 0);
  if (!kilobytes) co_return fail(ErrorCode::Malformed, "the server does not say its work_mem");
  co_return WorkMem{*kilobytes, rows.text(0, 1) == "t"};
}

std::string undo_of(const WorkMem& before) {
  return before.by_alter_system
             ? fmt::format("ALTER SYSTEM SET work_mem = '{}kB'", before.kilobytes)
             : std::string("ALTER SYSTEM RESET work_mem");
}

Task<Result<void>> set_work_mem(Services* services, std::int64_t kilobytes) {
  const auto database = maintenance_database(*services);
  CO_TRY_VOID(co_await run_statement(services, database,
                                     fmt::format("alter system set work_mem = '{}kB'", kilobytes)));
  CO_TRY_VOID(co_await run_statement(services, database, "select pg_catalog.pg_reload_conf()"));
  co_return Result<void>();
}

// What could not be lowered is no reason to call the start a failure.
Task<StepResult> lower(StepContext* context) {
  auto& services = context->services;
  if (context->notes.contains(kRaised)) co_return StepResult::skipped("the limit was raised");
  const auto starts = starts_in_a_row(*context);
  if (!starts) co_return StepResult::failed(starts.error());
  if (*starts <= 1) co_return StepResult::skipped("it is the first time in an hour");
  const auto now = co_await work_mem_now(&services);
  if (!now) co_return StepResult::skipped("not lowered: " + now.error().message());
  const auto wanted = next_work_mem(now->kilobytes);
  if (wanted == 0)
    co_return StepResult::skipped(fmt::format(
        "work_mem is at {} kB and not lowered further; lower shared_buffers or max_connections, "
        "which need a restart",
        now->kilobytes));
  const auto kept = services.ledger.fact(kWorkMemFact);
  if (kept && kept->empty()) {
    const auto noted = services.ledger.set_fact(kWorkMemFact, std::to_string(now->kilobytes));
    if (!noted) co_return StepResult::failed(noted.error());
  }
  const auto set = co_await set_work_mem(&services, wanted);
  if (!set) co_return StepResult::skipped("not lowered: " + set.error().message());
  co_return StepResult::done(fmt::format(
      "work_mem from {} to {} kB; '{}' and pg_reload_conf() take it back; a role's or a database's "
      "own setting is stronger",
      now->kilobytes, wanted, undo_of(*now)));
}

const Step kSteps[] = {kAwaitChildrenGone,
                       kStartServer,
                       {"raise_memory_limit",
                        describe_raise,
                        raise,
                        Effect::Reversible,
                        "docker update --memory, with the limit the step's result names",
                        {&kIdentityIsKnown}},
                       {"lower_work_mem",
                        describe_lower,
                        lower,
                        Effect::Reversible,
                        "the statement the step's result names, and pg_reload_conf()",
                        {&kIdentityIsKnown}}};

}  // namespace

const Playbook kRelieveMemory{
    "relieve_memory",
    "Start a server the kernel ended for want of memory, the second time with more room.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
