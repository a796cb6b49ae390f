// Two containers run a server over one data directory, and each writes what the other does not
// know. Every second makes it worse, so the later one is ended at once: its engine is told not to
// start it again, then it is killed, so that it writes no checkpoint over what the first one knows.
// The first one goes on, never stopped: what it has in memory is the truth, and its checkpoint
// right after puts that into the control file, where the second one's was. A first one that does
// not answer may not be the one that is served from: then a human decides, as where it is ended
// again and again. What was damaged meanwhile nobody can tell from outside: the incident says so,
// and a human is told to check it.
#include <algorithm>

#include <fmt/format.h>

#include "instance/engine_model.hpp"
#include "recover/held_restarts.hpp"
#include "recover/playbook.hpp"
#include "recover/second_server.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr std::string_view kCheck =
    "check the data ('pg_amcheck --all --heapallindexed'): what the two wrote over each other "
    "meanwhile shows nowhere else; then remove the second container, or give it data of its own";

std::string no_second_process(const StepContext& context) {
  const auto servers = context.services.instance.inspect_lock().servers;
  return servers == 2 ? "" : fmt::format("{} servers run in the data directory", servers);
}

std::string no_second_container(const StepContext& context) {
  const auto& hosting = context.services.senses.observation().hosting.facts;
  if (!hosting) return "the engine was not asked";
  return hosting->twins.size() == 1
             ? ""
             : fmt::format("{} others have the data mounted", hosting->twins.size());
}

constexpr Precondition kTwoProcesses{"two servers run in the data directory", no_second_process};
constexpr Precondition kTwoContainers{"the engine shows one other container over the data",
                                      no_second_container};

StepResult in_doubt(const Error& error) {
  return StepResult::for_human(
      "a human: say which of the two goes on, and end the other by 'docker kill': " +
      error.message());
}

// Before the engine started the second, which it notes a moment after it did. The first may have
// begun long after its container: it made its cluster, or waited for its disk.
bool began_as_ours(WallTime began, const instance::SecondServer& second) {
  constexpr Millis kNotedLate{1'000};
  const auto ours = instance::parse_engine_time(second.ours_started_at);
  const auto theirs = instance::parse_engine_time(second.started_at);
  if (!ours || !theirs || *ours >= *theirs) return false;
  return began < *theirs - std::min<WallTime::duration>(kNotedLate, (*theirs - *ours) / 2);
}

// Asked of the server itself, now: the senses' last login may be seconds old, and a guard that came
// later has none. That it is the first one that answers, and not the second on another port, is
// told by when it began.
Task<StepResult> ours_answers(Services* services, const instance::SecondServer* second) {
  const auto answer = co_await run_statement(
      services, maintenance_database(*services),
      "select pg_catalog.floor(extract(epoch from pg_catalog.pg_postmaster_start_time()) * "
      "1000)::bigint");
  if (!answer)
    co_return in_doubt(Error(answer.error().code,
                             fmt::format("{} does not answer ({})", services->instance.describe(),
                                         answer.error().message())));
  const auto began = answer->int64(0, 0);
  if (began && began_as_ours(WallTime{Millis(*began)}, *second)) co_return StepResult::done();
  co_return in_doubt(Error(ErrorCode::Refused,
                           fmt::format("the server that answers does not look like the one that "
                                       "was there before container {}",
                                       second->name)));
}

std::string budget_spent(const Services& services) {
  const auto ended = second_servers_ended(services.ledger, wall_now());
  if (!ended) return ended.error().message();
  if (*ended < kSecondServersEndedMax) return {};
  return fmt::format(
      "a human: {} second servers were ended within {}, and there is one again: keep it from being "
      "started, then 'docker kill' it ('pgkeel resume' lets the guard end it)",
      *ended, humane_duration(kSecondServersWithin));
}

// On disk before it is ended, whoever ends after that.
Result<void> note_loss(const StepContext& context, const instance::SecondServer& second) {
  auto& journal = context.services.journal;
  TRY(incident, journal.load(context.incident));
  incident.loss = {fmt::format("what was committed in container {} since it was started over the "
                               "data, at {}",
                               second.name, second.started_at),
                   std::string(kTwoServersLoss)};
  incident.rows_lost.reset();
  return journal.update(incident);
}

std::string described(const StepContext& context) {
  const auto name = context.notes.find("second");
  if (name != context.notes.end()) return name->second;
  const auto& hosting = context.services.senses.observation().hosting.facts;
  return hosting && !hosting->twins.empty() ? hosting->twins.front() : "the second container";
}

std::string describe_judge(const StepContext& context) {
  return fmt::format(
      "find out which of the two servers is the later one, by the kernel and the "
      "engine: {} or {}",
      context.services.instance.describe(), described(context));
}

Task<StepResult> judge(StepContext* context) {
  const auto second = co_await context->services.instance.second_server();
  if (!second) co_return in_doubt(second.error());
  if (!*second) co_return StepResult::skipped("there is no second server any more");
  context->notes["second"] = (*second)->name;
  auto answers = co_await ours_answers(&context->services, &**second);
  if (answers.needs_human) co_return answers;
  if (const auto spent = budget_spent(context->services); !spent.empty())
    co_return StepResult::for_human(spent);
  co_return StepResult::done(
      fmt::format("container {}, pid {}", (*second)->name, (*second)->postmaster));
}

std::string describe_hold(const StepContext& context) {
  return fmt::format("set the restart policy of container {} to no", described(context));
}

Task<StepResult> hold(StepContext* context) {
  const auto second = co_await context->services.instance.second_server();
  if (!second) co_return in_doubt(second.error());
  if (!*second) co_return StepResult::skipped("there is no second server any more");
  auto& services = context->services;
  const auto now = co_await services.instance.second_restarter(**second);
  if (!now && now.error().code == ErrorCode::Refused) co_return in_doubt(now.error());
  if (!now) co_return StepResult::failed(now.error());
  const auto before = keep_second_restarter(services.ledger, *now);
  if (!before) co_return StepResult::failed(before.error());
  const auto held = co_await services.instance.hold_second(**second);
  if (held)
    co_return StepResult::done(
        fmt::format("it was {0} ('docker update --restart {0} {1}' takes it back)", before->setting,
                    (*second)->name));
  if (held.error().code == ErrorCode::NotSupported)
    co_return StepResult::skipped(fmt::format(
        "{}; its restart policy stays {}: where that starts it again it is ended {} times within "
        "{}, then a human is called",
        held.error().message(), before->setting, kSecondServersEndedMax,
        humane_duration(kSecondServersWithin)));
  if (held.error().code == ErrorCode::Refused) co_return in_doubt(held.error());
  co_return StepResult::failed(held.error());
}

std::string describe_kill(const StepContext& context) {
  return fmt::format("kill container {}, which writes no checkpoint then; {} runs on",
                     described(context), context.services.instance.describe());
}

Task<StepResult> kill(StepContext* context) {
  auto& services = context->services;
  auto& instance = services.instance;
  const auto second = co_await instance.second_server();
  if (!second) co_return in_doubt(second.error());
  if (!*second) co_return StepResult::skipped("there is no second server any more");
  auto answers = co_await ours_answers(&services, &**second);
  if (answers.needs_human) co_return answers;
  if (const auto spent = budget_spent(services); !spent.empty())
    co_return StepResult::for_human(spent);
  const auto due = services.ledger.set_fact(kCheckpointDueFact, "yes");
  if (!due) co_return StepResult::failed(due.error());
  const auto noted = note_loss(*context, **second);
  if (!noted) co_return StepResult::failed(noted.error());
  const auto counted = count_second_server(services.ledger, wall_now());
  if (!counted) co_return StepResult::failed(counted.error());
  const auto killed = co_await instance.kill_second(**second);
  if (!killed) co_return StepResult::failed(killed.error());
  co_return StepResult::done(fmt::format("ended {}", (*second)->name));
}

std::string describe_checkpoint(const StepContext& /*context*/) {
  return "CHECKPOINT: what the first server knows goes to disk and into the control file";
}

// Without it a crash in the next minutes would begin where the second one left off.
Task<StepResult> checkpoint(StepContext* context) {
  auto& services = context->services;
  const auto done = co_await run_statement(&services, maintenance_database(services), "checkpoint");
  if (!done)
    co_return StepResult::for_human(
        fmt::format("a human: CHECKPOINT as a superuser, at once ({}); "
                    "then {}",
                    done.error().message(), kCheck));
  const auto noted = services.ledger.set_fact(kCheckpointDueFact, "");
  if (!noted) co_return StepResult::failed(noted.error());
  co_return StepResult::done(fmt::format("now a human: {}", kCheck));
}

constexpr Step kSteps[] = {
    {"judge_servers", describe_judge, judge, Effect::None, "", {}},
    {"hold_second_server",
     describe_hold,
     hold,
     Effect::Reversible,
     "docker update --restart, with the policy the step's result names",
     {&kTwoProcesses, &kTwoContainers}},
    {"kill_second_server",
     describe_kill,
     kill,
     Effect::Final,
     "its sessions are lost; what it took since it began was never in step with the first one's",
     {&kTwoProcesses, &kTwoContainers}},
    {"write_what_is_known",
     describe_checkpoint,
     checkpoint,
     Effect::Final,
     "a checkpoint loses nothing: it writes what is committed",
     {&kIdentityIsKnown, &kNoStrangerThere}}};

}  // namespace

const Playbook kEndSecondServer{
    "end_second_server", "End the server that was started over the data of a running one.", kSteps,
    "one server is left, a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
