// A seeded random walk of the world and the operator's words through virtual time: whatever
// happens in whatever order, the safety rules of deciding hold.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "unit/recover/deciding.hpp"

namespace pgkeel::recover {
namespace {

using namespace pgkeel::test;
using diagnose::Cause;

constexpr int kSeeds = 1500;
constexpr int kTurns = 40;

Instance dropped() {
  Instance instance = healthy();
  tables(instance).clear();
  instance.known.required_databases = {"crm"};
  return instance;
}
Instance strange() {
  Instance instance = killed();
  replace_by_stranger(instance);
  return instance;
}
Instance misconfigured() {
  Instance instance = killed();
  instance.seen.files.config_error = "syntax error";
  return instance;
}

// Built once: the walk only chooses among them.
const std::vector<Instance>& worlds() {
  static const std::vector<Instance> kWorlds = {
      healthy(),         killed(),        killed(),
      stopped_cleanly(), suspended(),     silent_for(Seconds(90)),
      stopped_at_once(), dropped(),       silent_for(Seconds(9)),
      strange(),         misconfigured(), without_data(instance::DataDirState::Missing)};
  return kWorlds;
}

std::string id_of(const Decision& decision) {
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (requires { one.id; }) return one.id;
        else return one.finding.subject;
      },
      decision);
}

class Walk {
 public:
  explicit Walk(unsigned seed) : random_(seed) {
    if (seed % 4 == 0) guard_.policy.mode = Mode::Advise;
    if (seed % 3 == 0) guard_.policy.missing_table = MissingPolicy::RecreateEmpty;
    guard_.policy.watch_for = Seconds(60);
  }

  std::string run() {
    for (int i = 0; i < kTurns; ++i) step();
    return trace_;
  }

 private:
  int roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }

  void step() {
    guard_.now += Millis(roll(20'000));
    if (roll(3) == 0) world_ = static_cast<std::size_t>(roll(static_cast<int>(worlds().size())));
    if (roll(12) == 0) guard_.state.paused = !guard_.state.paused;
    const Instance& instance = worlds().at(world_);
    const auto before = guard_.state;
    const auto decisions = guard_.turn(instance);
    std::set<std::string> about;
    for (const auto& decision : decisions) {
      EXPECT_TRUE(about.insert(id_of(decision)).second) << "two decisions on one incident";
      if (const auto* run = std::get_if<RunPlaybook>(&decision)) judge(before, *run);
      trace_ += std::to_string(decision.index()) + id_of(decision) + ";";
    }
    judge_budget();
  }

  void judge(const GuardState& before, const RunPlaybook& run) {
    EXPECT_FALSE(before.paused);
    EXPECT_EQ(guard_.policy.mode, Mode::Act);
    EXPECT_NE(run.finding.cause, Cause::StoppedByOperator);
    EXPECT_FALSE(run.finding.wait);
    EXPECT_FALSE(run.playbook.empty());
  }

  void judge_budget() {
    const auto recent = std::ranges::count_if(guard_.state.starts, [this](SteadyTime at) {
      return guard_.now - at < guard_.policy.restarts_window;
    });
    EXPECT_LE(recent, guard_.policy.restarts_max);
  }

  std::mt19937 random_;
  VirtualGuard guard_;
  std::size_t world_ = 0;
  std::string trace_;
};

TEST(DecideWalk, KeepsTheSafetyRulesOnEverySeed) {
  // Goal: never a playbook while paused, in advise mode or on an operator's stop; never a start
  // beyond the budget; at most one decision for an incident at a time.
  std::set<std::string> traces;
  for (unsigned seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    traces.insert(Walk(seed).run());
  }
  EXPECT_GT(traces.size(), kSeeds / 2U);  // the walks do differ
}

TEST(DecideWalk, TheSameSeedGivesTheSameTrace) {
  // Goal: deciding has no hidden state.
  for (unsigned seed = 0; seed < 50; ++seed) EXPECT_EQ(Walk(seed).run(), Walk(seed).run());
}

}  // namespace
}  // namespace pgkeel::recover
