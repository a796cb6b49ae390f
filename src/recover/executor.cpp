// See executor.hpp.
#include "recover/executor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "recover/plan.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

incident::Action intent(const Playbook& playbook, std::string_view step, std::string detail) {
  incident::Action action;
  action.playbook = playbook.name;
  action.step = step;
  action.detail = std::move(detail);
  action.started_at = wall_now();
  return action;
}

void pass(const Playbook& playbook, const Step& step, std::string_view place) {
  fault_point(fault_point_name(playbook.name, step.name, place));
}

std::string place_of(const Playbook& playbook, std::size_t index) {
  return fmt::format("{}, step {} of {} ({})", playbook.name, index + 1, playbook.steps.size(),
                     playbook.steps[index].name);
}

bool is_abandoned(const GuardState& state, std::string_view incident) {
  const auto found = std::ranges::find(state.incidents, incident, &Tracked::id);
  return found != state.incidents.end() && !found->abandoned_by.empty();
}

void log_outcome(const Step& step, const StepResult& result) {
  if (result.outcome == incident::ActionOutcome::Failed)
    log_warning("step failed", {{"step", step.name}, {"why", result.note}});
  else
    log_info("step done", {{"step", step.name},
                           {"outcome", incident::to_string(result.outcome)},
                           {"note", result.note}});
}

// What was true when the plan was made may not be so any more; it is asked last thing.
Task<StepResult> act(const Step* step, StepContext* context) {
  if (auto why = objection_to(*step, *context); !why.empty()) {
    why = "not done: " + why;
    if (step->unmet == Unmet::PassesOver) co_return StepResult::skipped(std::move(why));
    co_return StepResult::failed(Error(ErrorCode::WrongState, std::move(why)));
  }
  auto result = co_await step->run(context);
  co_return result;
}

Task<Result<StepResult>> run_step(const Playbook* playbook, const Step* step,
                                  StepContext* context) {
  auto& journal = context->services.journal;
  const auto action = journal.begin_action(context->incident,
                                           intent(*playbook, step->name, step->describe(*context)));
  if (!action) co_return fail(action.error());
  pass(*playbook, *step, "intended");
  log_info("step", {{"incident", context->incident}, {"step", step->name}});
  auto result = co_await act(step, context);
  pass(*playbook, *step, "acted");
  log_outcome(*step, result);
  const auto ended = journal.end_action(*action, result.outcome, result.note, wall_now());
  if (!ended) co_return fail(ended.error());
  pass(*playbook, *step, "journaled");
  co_return result;
}

}  // namespace

std::string fault_point_name(std::string_view playbook, std::string_view step,
                             std::string_view place) {
  return fmt::format("{}/{}/{}", playbook, step, place);
}

Task<RunReport> run_playbook(Services* services, const Playbook* playbook,
                             diagnose::Finding finding, std::string incident,
                             const GuardState* state) {
  StepContext context{*services, finding, std::move(incident), {}};
  for (std::size_t i = 0; i < playbook->steps.size(); ++i) {
    const auto& step = playbook->steps[i];
    const auto place = place_of(*playbook, i);
    if (state->paused) co_return RunReport{RunOutcome::Paused, place, "paused", {}};
    if (is_abandoned(*state, context.incident))
      co_return RunReport{RunOutcome::Paused, place, "abandoned", {}};
    const auto result = co_await run_step(playbook, &step, &context);
    // Without a journal nothing may be done: the intent would be lost with us.
    if (!result) co_return RunReport{RunOutcome::Failed, place, result.error().message(), {}};
    if (result->outcome != incident::ActionOutcome::Failed) continue;
    co_return RunReport{result->needs_human ? RunOutcome::NeedsHuman : RunOutcome::Failed, place,
                        result->note, result->retry_after};
  }
  co_return RunReport{};
}

Result<void> advise_playbook(Services& services, const Playbook& playbook,
                             const diagnose::Finding& finding, const std::string& incident) {
  const StepContext context{services, finding, incident, {}};
  for (const auto& step : plan_of(playbook, context)) {
    const auto action = intent(playbook, step.name, to_text(step));
    TRY(id, services.journal.begin_action(incident, action));
    TRY_VOID(services.journal.end_action(id, incident::ActionOutcome::Advised,
                                         "mode = advise: not done", wall_now()));
    log_warning("would do", {{"step", step.name}, {"detail", action.detail}});
  }
  return {};
}

}  // namespace pgkeel::recover
