// See plan.hpp.
#include "recover/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pgkeel::recover {
namespace {

PlannedStep planned(const Step& step, const StepContext& context) {
  PlannedStep row;
  row.name = step.name;
  row.does = step.describe(context);
  row.objection = objection_to(step, context);
  for (const auto* need : step.needs)
    if (need != nullptr) row.needs.emplace_back(need->must_hold);
  row.effect = step.effect;
  row.undo = step.undo;
  return row;
}

}  // namespace

std::string objection_to(const Step& step, const StepContext& context) {
  for (const auto* need : step.needs) {
    if (need == nullptr) continue;
    const auto why = need->objection(context);
    if (!why.empty()) return fmt::format("it must hold that {}, but {}", need->must_hold, why);
  }
  return {};
}

std::vector<PlannedStep> plan_of(const Playbook& playbook, const StepContext& context) {
  std::vector<PlannedStep> rows;
  for (const auto& step : playbook.steps) rows.push_back(planned(step, context));
  return rows;
}

std::string to_text(const PlannedStep& step) {
  auto text = step.does;
  if (!step.needs.empty()) text += fmt::format("; only if {}", fmt::join(step.needs, " and "));
  if (!step.objection.empty()) text += fmt::format(" (now: {})", step.objection);
  if (!step.undo.empty())
    text += fmt::format("; {}: {}", step.effect == Effect::Final ? "final" : "undo", step.undo);
  return text;
}

}  // namespace pgkeel::recover
