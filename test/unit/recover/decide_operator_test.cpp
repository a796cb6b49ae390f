// The operator's will: advise mode, pause, a stop, and what was put in place after it.
#include <gmock/gmock.h>

#include "unit/recover/deciding.hpp"

namespace pgkeel::recover {
namespace {

using namespace pgkeel::test;
using diagnose::Cause;
using testing::IsEmpty;

TEST(AdviseMode, ShowsOncePerCauseAndNeverActs) {
  // Goal: the steps are shown once; a refined cause is shown again.
  VirtualGuard guard;
  guard.policy.mode = Mode::Advise;
  guard.turn(killed());
  ASSERT_TRUE(sole<AdvisePlaybook>(guard.turn(killed())));
  guard.now += Seconds(600);
  EXPECT_THAT(guard.turn(killed()), IsEmpty());
  Instance broken = killed();
  broken.seen.files.config_error = "syntax error";
  ASSERT_TRUE(sole<RefineIncident>(guard.turn(broken)));
  const auto decisions = guard.turn(broken);
  ASSERT_TRUE(sole<AdvisePlaybook>(decisions));
  EXPECT_EQ(sole<AdvisePlaybook>(decisions)->playbook, "restore_configuration");
}

TEST(Pause, IsObeyedAndSaidOnce) {
  // Goal: a paused guard names and refines, and does nothing.
  VirtualGuard guard;
  guard.state.paused = true;
  ASSERT_TRUE(sole<OpenIncident>(guard.turn(killed())));
  ASSERT_TRUE(sole<WaitForHuman>(guard.turn(killed())));
  EXPECT_THAT(guard.turn(killed()), IsEmpty());
  guard.state.paused = false;
  EXPECT_TRUE(sole<RunPlaybook>(guard.turn(killed())));
}

TEST(OperatorsStop, IsNamedWaitedOnAndClosedByTheOperatorsStart) {
  // Goal: a stop is never fought, and a start by the operator ends it without verification.
  for (const Instance& stopped : {stopped_cleanly(), stopped_at_once()}) {
    VirtualGuard guard;
    ASSERT_TRUE(sole<OpenIncident>(guard.turn(stopped)));
    ASSERT_TRUE(sole<WaitForHuman>(guard.turn(stopped)));
    guard.now += Seconds(3600);
    EXPECT_THAT(guard.turn(stopped), IsEmpty());
    EXPECT_TRUE(sole<CloseIncident>(guard.turn(healthy())));
  }
}

TEST(OperatorsStop, IsObeyedInTheMiddleOfARecovery) {
  // Goal: a clean stop while the guard restarts a killed server is not answered by a start.
  VirtualGuard guard;
  guard.turn(killed());
  guard.turn(killed());
  guard.now += Seconds(60);
  EXPECT_TRUE(sole<WaitForHuman>(guard.turn(stopped_cleanly())));
}

TEST(OperatorsStop, LeavesWhatIsFoundAfterItToAHuman) {
  // Goal: another cluster or no directory after a stop may be an upgrade or a restore in progress.
  Instance strange = stopped_cleanly();
  replace_by_stranger(strange);
  for (const Instance& after : {strange, without_data(instance::DataDirState::Missing)}) {
    VirtualGuard guard;
    guard.turn(stopped_cleanly());
    ASSERT_TRUE(sole<RefineIncident>(guard.turn(after)));
    ASSERT_TRUE(sole<WaitForHuman>(guard.turn(after)));
    guard.now += Seconds(3600);
    EXPECT_THAT(guard.turn(after), IsEmpty());
  }
}

TEST(OperatorsStop, IsRememberedWhenItMeetsAnOpenIncident) {
  // Goal: a stop during another incident is on purpose too: nothing found after it is undone.
  VirtualGuard guard;
  guard.turn(killed());
  guard.turn(stopped_cleanly());
  EXPECT_TRUE(guard.state.stopped_on_purpose);
  guard.turn(without_data(instance::DataDirState::Missing));
  guard.now += Seconds(3600);
  EXPECT_EQ(sole<RunPlaybook>(guard.turn(without_data(instance::DataDirState::Missing))), nullptr);
}

TEST(OperatorsStop, IsOverAsSoonAsTheServerServes) {
  // Goal: a server killed right after the operator started it is healed, watch or no watch.
  VirtualGuard guard;
  guard.turn(stopped_cleanly());
  guard.turn(healthy());
  EXPECT_FALSE(guard.state.stopped_on_purpose);
  guard.turn(killed());
  EXPECT_NE(sole<RunPlaybook>(guard.turn(killed())), nullptr);
}

TEST(FreshCluster, IsReplacedOnceItIsFenced) {
  // Goal: E6: between fencing a fresh cluster and bringing the known one back the data looks
  // fenced: a guard that comes upon it goes on; fenced data it did not fence itself is a human's.
  test::Instance fenced = test::without_data(instance::DataDirState::Incomplete);
  fenced.seen.files.data_dir.fenced = "fenced by pgkeel";
  fenced.seen.files.data_dir.fenced_system_id = test::kStranger;
  test::VirtualGuard guard;
  guard.turn(fenced);
  const auto waits = guard.turn(fenced);
  ASSERT_TRUE(test::sole<WaitForHuman>(waits));
  guard.only().cause = diagnose::Cause::FreshCluster;
  guard.only().attempts = 1;
  const auto decisions = guard.turn(fenced);
  const auto* run = test::sole<RunPlaybook>(decisions);
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run->playbook, "replace_fresh_cluster");
}

TEST(FreshCluster, IsReplacedAlsoAfterTheOperatorsStop) {
  // Goal: docker compose down and up again over an empty volume: the stop is over as soon as the
  // fresh cluster runs, and each state between the steps of its replacement is gone on from (C2).
  VirtualGuard guard;
  guard.turn(stopped_cleanly());
  Instance fresh = healthy();
  fresh.seen.hosting.facts.emplace().exists = true;
  fresh.known.identity->seen_at = kWall - Seconds(3600);
  fresh.known.identity->major = fresh.seen.files.data_dir.major = 15;
  constexpr unsigned kSecondsShift = 32;
  fresh.seen.files.data_dir.control->system_id =
      SystemId{static_cast<std::uint64_t>(kWall.time_since_epoch() / Seconds(1)) << kSecondsShift};
  guard.turn(fresh);
  const auto first = guard.turn(fresh);
  ASSERT_NE(sole<RunPlaybook>(first), nullptr);
  EXPECT_EQ(sole<RunPlaybook>(first)->playbook, "replace_fresh_cluster");
  guard.now += Seconds(60);
  const auto gone = guard.turn(without_data(instance::DataDirState::Missing));
  ASSERT_NE(sole<RunPlaybook>(gone), nullptr);
  EXPECT_EQ(sole<RunPlaybook>(gone)->playbook, "replace_fresh_cluster");
  const auto back = guard.turn(stopped_cleanly());
  ASSERT_NE(sole<RunPlaybook>(back), nullptr);
  EXPECT_EQ(sole<RunPlaybook>(back)->playbook, "restart_server");
}

TEST(HungServer, OurOwnImmediateStopIsNotTheOperators) {
  // Goal: after the guard stopped a hung server at once, it goes on to start it.
  VirtualGuard guard;
  const Instance hung = silent_for(Seconds(90));
  guard.turn(hung);
  const auto decisions = guard.turn(hung);
  ASSERT_TRUE(sole<RunPlaybook>(decisions));
  EXPECT_EQ(sole<RunPlaybook>(decisions)->playbook, "replace_hung_server");
  const auto next = guard.turn(stopped_at_once());
  ASSERT_TRUE(sole<RunPlaybook>(next));
  EXPECT_EQ(sole<RunPlaybook>(next)->playbook, "restart_server");
}

TEST(HungServer, ACleanStopAfterTheReplacementIsTheOperators) {
  // Goal: the guard stops a hung server at once, never cleanly; a clean stop is somebody's will.
  VirtualGuard guard;
  guard.turn(silent_for(Seconds(90)));
  ASSERT_NE(sole<RunPlaybook>(guard.turn(silent_for(Seconds(90)))), nullptr);
  EXPECT_TRUE(sole<WaitForHuman>(guard.turn(stopped_cleanly())));
}

TEST(HungServer, AStopAfterAMereContinueIsTheOperators) {
  // Goal: SIGCONT stops nothing, so a stop that follows it is somebody's will.
  for (const Instance& stopped : {stopped_cleanly(), stopped_at_once()}) {
    VirtualGuard guard;
    guard.turn(suspended());
    ASSERT_NE(sole<RunPlaybook>(guard.turn(suspended())), nullptr);
    ASSERT_EQ(guard.only().last_playbook, "resume_server");
    EXPECT_TRUE(sole<WaitForHuman>(guard.turn(stopped)));
  }
}

}  // namespace
}  // namespace pgkeel::recover
