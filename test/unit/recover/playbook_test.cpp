// Every playbook as data: whole, honest about what it can take back, and shown as it would run.
#include "recover/playbook.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "recover/plan.hpp"

namespace pgkeel::recover {
namespace {

std::size_t needs_of(const Step& step) {
  return static_cast<std::size_t>(
      std::ranges::count_if(step.needs, [](const auto* need) { return need != nullptr; }));
}

TEST(Playbooks, SayForEveryStepWhatTakesItBack) {
  // Goal: a step that only looks has nothing to take back; every other says how, or why not (A6).
  for (const auto* playbook : all_playbooks()) {
    EXPECT_FALSE(playbook->verified_by.empty()) << playbook->name;
    for (const auto& step : playbook->steps)
      EXPECT_EQ(step.undo.empty(), step.effect == Effect::None)
          << playbook->name << " " << step.name;
  }
}

TEST(Playbooks, TakeTwoAgreeingSignalsForWhatIsFinal) {
  // Goal: safety rule 6: nothing irreversible on one look alone; and whatever changes anything
  // requires something.
  for (const auto* playbook : all_playbooks())
    for (const auto& step : playbook->steps) {
      const std::size_t least = step.effect == Effect::Final        ? 2
                                : step.effect == Effect::Reversible ? 1
                                                                    : 0;
      EXPECT_GE(needs_of(step), least) << playbook->name << " " << step.name;
    }
}

TEST(Playbooks, AskPreconditionsInOrderWithoutGaps) {
  // Goal: the table reads as it is asked.
  for (const auto* playbook : all_playbooks())
    for (const auto& step : playbook->steps)
      EXPECT_TRUE(
          std::ranges::is_partitioned(step.needs, [](const auto* need) { return need != nullptr; }))
          << playbook->name << " " << step.name;
}

TEST(PlannedStep, ReadsAsOneLine) {
  // Goal: advise mode says what, under which condition, whether it holds, and the way back.
  const PlannedStep step{"start_server", "start it",         "it must hold that x, but y",
                         {"x", "z"},     Effect::Reversible, "stop it"};
  EXPECT_EQ(to_text(step),
            "start it; only if x and z (now: it must hold that x, but y); undo: stop it");
  const PlannedStep looks{"search", "look for it", "", {}, Effect::None, ""};
  EXPECT_EQ(to_text(looks), "look for it");
}

}  // namespace
}  // namespace pgkeel::recover
