// A playbook as it would run now: every step with what exactly it would do, which of its
// preconditions hold at this moment, and what takes it back. Advise mode shows this and the
// executor obeys the same rows, so the two cannot differ. Looks, changes nothing.
#pragma once

#include <string>
#include <vector>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// The first of the step's preconditions that does not hold, as "MUST_HOLD: OBJECTION"; empty when
/// all hold.
[[nodiscard]] std::string objection_to(const Step& step, const StepContext& context);

struct PlannedStep {
  std::string name;
  std::string does;
  std::string objection;           ///< as things stand now; an earlier step may remove it
  std::vector<std::string> needs;  ///< what must hold, in words
  Effect effect = Effect::None;
  std::string undo;
};

[[nodiscard]] std::vector<PlannedStep> plan_of(const Playbook& playbook,
                                               const StepContext& context);

/// One planned step as a line for people.
[[nodiscard]] std::string to_text(const PlannedStep& step);

}  // namespace pgkeel::recover
