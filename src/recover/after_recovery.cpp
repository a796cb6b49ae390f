// See after_recovery.hpp.
#include "recover/after_recovery.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {
namespace {

using incident::ActionOutcome;
using runtime::Task;

constexpr std::size_t kOutputBytesMax = 2000;  // the end of it: that is where failures speak
constexpr int kRedirectionsFrom = 300;
constexpr int kRefusalsFrom = 400;

std::string step_name(std::size_t index) { return fmt::format("hook_{}", index + 1); }

bool begun(const incident::Incident& incident, std::size_t index) {
  return std::ranges::any_of(incident.actions, [&](const incident::Action& action) {
    return action.playbook == kAfterRecovery && action.step == step_name(index);
  });
}

std::string said(const runtime::ProcessOutput& output) {
  const auto all = output.out + output.err;
  const auto from = all.size() > kOutputBytesMax ? all.size() - kOutputBytesMax : 0;
  const auto end = all.find_last_not_of(" \n\t");
  return end == std::string::npos || end < from ? "" : ": " + all.substr(from, end + 1 - from);
}

void log_failed(std::string_view what, const Error& error) {
  log_error("journal not written", {{"what", what}, {"why", error.message()}});
}

}  // namespace

AfterRecovery::AfterRecovery(Services& services) : services_(services), web_(services.loop) {}

Task<AfterRecovery::Outcome> AfterRecovery::run_command(const Hook* hook,
                                                        const incident::Incident* incident) {
  runtime::ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", hook->command};
  spec.environment = {{"PGKEEL_INCIDENT", incident->id},
                      {"PGKEEL_CAUSE", incident->cause},
                      {"PGKEEL_SUBJECT", incident->subject}};
  const auto output = co_await runtime::run_process(services_.loop, std::move(spec),
                                                    services_.loop.after(hook->timeout));
  if (!output) co_return Outcome{false, output.error().message()};
  co_return Outcome{output->exit.ok(), output->exit.describe() + said(*output)};
}

Task<AfterRecovery::Outcome> AfterRecovery::call(const Hook* hook) {
  runtime::WebRequest request;
  request.url = hook->url;
  request.timeout = hook->timeout;
  const auto answer = co_await web_.send(std::move(request));
  if (!answer) co_return Outcome{false, answer.error().message()};
  const bool ok = answer->status < kRefusalsFrom;
  const auto more = answer->status >= kRedirectionsFrom && ok ? " (not followed)" : "";
  co_return Outcome{ok, fmt::format("answered {}{}", answer->status, more)};
}

Task<AfterRecovery::Outcome> AfterRecovery::perform(const Hook* hook,
                                                    const incident::Incident* incident) {
  if (hook->command.empty()) {
    auto called = co_await call(hook);
    co_return called;
  }
  auto ran = co_await run_command(hook, incident);
  co_return ran;
}

Task<void> AfterRecovery::run_one(const incident::Incident* incident, std::size_t index) {
  const auto& hook = services_.hooks.at(index);
  incident::Action action;
  action.playbook = kAfterRecovery;
  action.step = step_name(index);
  action.detail = hook.command.empty() ? "call " + hook.url : "run " + hook.command;
  action.started_at = wall_now();
  const auto id = services_.journal.begin_action(incident->id, action);
  // Without the intent on disk it could be run twice.
  if (!id) {
    log_failed(action.step, id.error());
    co_return;
  }
  fault_point(fault_point_name(kAfterRecovery, action.step, "intended"));
  const auto outcome = co_await perform(&hook, incident);
  fault_point(fault_point_name(kAfterRecovery, action.step, "acted"));
  const auto ended = services_.journal.end_action(
      *id, outcome.ok ? ActionOutcome::Done : ActionOutcome::Failed, outcome.note, wall_now());
  if (!ended) log_failed(action.step, ended.error());
  if (outcome.ok) log_info("hook done", {{"incident", incident->id}, {"hook", action.step}});
  else log_warning("hook failed", {{"incident", incident->id}, {"hook", action.step}});
}

Task<void> AfterRecovery::run(std::string incident) {
  const auto loaded = services_.journal.load(incident);
  if (!loaded) {
    log_failed(kAfterRecovery, loaded.error());
    co_return;
  }
  for (std::size_t index = 0; index < services_.hooks.size(); ++index)
    if (!begun(*loaded, index)) co_await run_one(&*loaded, index);
}

Result<void> AfterRecovery::note_skipped(const incident::Incident& incident, std::size_t index,
                                         std::string_view why) {
  incident::Action action;
  action.playbook = kAfterRecovery;
  action.step = step_name(index);
  action.detail = "not run";
  action.started_at = wall_now();
  TRY(id, services_.journal.begin_action(incident.id, action));
  return services_.journal.end_action(id, ActionOutcome::Skipped, why, wall_now());
}

void AfterRecovery::skip(const std::string& incident, std::string_view why) {
  const auto loaded = services_.journal.load(incident);
  if (!loaded) return log_failed(kAfterRecovery, loaded.error());
  for (std::size_t index = 0; index < services_.hooks.size(); ++index) {
    if (begun(*loaded, index)) continue;
    const auto noted = note_skipped(*loaded, index, why);
    if (!noted) return log_failed(kAfterRecovery, noted.error());
  }
}

}  // namespace pgkeel::recover
