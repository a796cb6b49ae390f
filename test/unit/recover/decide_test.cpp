// The course of an incident: opened, refined, acted on within the budget, verified, watched,
// closed.
#include <gmock/gmock.h>

#include <set>

#include "unit/recover/deciding.hpp"

namespace pgkeel::recover {
namespace {

using namespace pgkeel::test;
using diagnose::Cause;
using incident::IncidentState;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Decide, OpensOnceThenActs) {
  // Goal: a finding opens one incident; the next turn runs its playbook.
  VirtualGuard guard;
  EXPECT_THAT(guard.turn(healthy()), IsEmpty());
  ASSERT_TRUE(sole<OpenIncident>(guard.turn(killed())));
  const auto decisions = guard.turn(killed());
  const auto* run = sole<RunPlaybook>(decisions);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->playbook, "restart_server");
  EXPECT_THAT(guard.state.incidents, SizeIs(1));
}

TEST(Decide, RefinesOnlyUpwards) {
  // Goal: a more telling cause takes over before anything is run; a lesser one never does.
  VirtualGuard guard;
  guard.turn(killed());
  Instance strange = killed();
  replace_by_stranger(strange);
  ASSERT_TRUE(sole<RefineIncident>(guard.turn(strange)));
  EXPECT_EQ(guard.only().cause, Cause::WrongIdentity);
  const auto decisions = guard.turn(killed());
  EXPECT_FALSE(sole<RefineIncident>(decisions));
  EXPECT_EQ(guard.only().cause, Cause::WrongIdentity);
}

TEST(Decide, WaitsBeforeTheSamePlaybookAndNotBeforeAnother) {
  // Goal: back-off holds for a repetition only.
  VirtualGuard guard;
  guard.turn(killed());
  guard.turn(killed());
  EXPECT_THAT(guard.turn(killed()), IsEmpty());
  Instance broken = killed();
  broken.seen.files.config_error = "syntax error";
  guard.turn(broken);  // refined
  const auto another = guard.turn(broken);
  ASSERT_TRUE(sole<RunPlaybook>(another));
  EXPECT_EQ(sole<RunPlaybook>(another)->playbook, "restore_configuration");
  EXPECT_THAT(guard.turn(broken), IsEmpty());
  guard.now = guard.only().next_attempt_at;
  EXPECT_TRUE(sole<RunPlaybook>(guard.turn(broken)));
}

TEST(Decide, GivesUpOnceWhenTheBudgetIsSpent) {
  // Goal: five starts in the window, then a human, said once; the window passing changes nothing.
  VirtualGuard guard;
  guard.turn(killed());
  for (int i = 0; i < guard.policy.restarts_max; ++i) {
    guard.now = std::max(guard.now, guard.only().next_attempt_at);
    ASSERT_TRUE(sole<RunPlaybook>(guard.turn(killed()))) << i;
  }
  guard.now = guard.only().next_attempt_at;
  const auto decisions = guard.turn(killed());
  ASSERT_TRUE(sole<WaitForHuman>(decisions));
  EXPECT_TRUE(sole<WaitForHuman>(decisions)->gives_up);
  EXPECT_THAT(guard.turn(killed()), IsEmpty());
  guard.now += guard.policy.restarts_window * 2;
  EXPECT_THAT(guard.turn(killed()), IsEmpty());
  guard.only().gave_up = false;  // pgkeel resume
  EXPECT_TRUE(sole<RunPlaybook>(guard.turn(killed())));
}

TEST(Decide, AMemoryLoopIsSaidToBeOne) {
  // Goal: killed for want of memory until the budget is spent: the incident names the loop, the
  // limit and the line that raises it (C2, D3).
  VirtualGuard guard;
  Instance instance = killed();
  auto& container = in_container(instance).container;
  container.oom_killed = true;
  container.memory_limit = std::int64_t{256} << 20U;
  guard.turn(instance);
  guard.state.starts.assign(static_cast<std::size_t>(guard.policy.restarts_max), guard.now);
  const auto decisions = guard.turn(instance);
  ASSERT_TRUE(sole<WaitForHuman>(decisions));
  EXPECT_TRUE(sole<WaitForHuman>(decisions)->gives_up);
  const auto& why = sole<WaitForHuman>(decisions)->why;
  EXPECT_THAT(why, testing::HasSubstr("it is a loop"));
  EXPECT_THAT(why, testing::HasSubstr("limit of 256 MB ('docker update --memory 512m"));
}

TEST(Decide, SaysWhatTheFindingAsksOfAHuman) {
  // Goal: what waits for a human carries the finding's own commands, said once.
  VirtualGuard guard;
  Instance instance = killed();
  instance.seen.files.data_dir.read_only = disk();
  guard.turn(instance);
  const auto decisions = guard.turn(instance);
  ASSERT_TRUE(sole<WaitForHuman>(decisions));
  EXPECT_THAT(sole<WaitForHuman>(decisions)->why,
              testing::HasSubstr("mount -o remount,rw /var/lib/postgresql"));
  EXPECT_THAT(guard.turn(instance), IsEmpty());
  instance.seen.files.data_dir.read_only.reset();
  EXPECT_TRUE(sole<RunPlaybook>(guard.turn(instance)));
}

TEST(Decide, BackoffGrowsToAMinute) {
  // Goal: the documented pauses, bounded at both ends.
  const int pauses[] = {0, 1, 2, 5, 10, 30, 60, 60};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(backoff(i), Seconds(pauses[i]));
  EXPECT_EQ(backoff(-1), Seconds(0));
  EXPECT_EQ(backoff(1'000'000), Seconds(60));
}

TEST(Decide, StartsLeaveTheBudgetWithTheWindow) {
  // Goal: the window slides.
  VirtualGuard guard;
  guard.policy.restarts_max = 1;
  guard.state.starts = {kNow};
  EXPECT_FALSE(within_budget(guard.state, guard.policy, kNow));
  EXPECT_FALSE(
      within_budget(guard.state, guard.policy, kNow + guard.policy.restarts_window - Millis(1)));
  EXPECT_TRUE(within_budget(guard.state, guard.policy, kNow + guard.policy.restarts_window));
}

TEST(Decide, VerifiesWatchesAndCloses) {
  // Goal: service back is verified, watched for its time, then closed.
  VirtualGuard guard;
  guard.turn(killed());
  guard.turn(killed());
  guard.only().next_verify_at = guard.now + Seconds(1);
  EXPECT_THAT(guard.turn(healthy()), IsEmpty());
  guard.now += Seconds(1);
  ASSERT_TRUE(sole<VerifyRecovery>(guard.turn(healthy())));
  guard.now += guard.policy.watch_for - Millis(1);
  EXPECT_THAT(guard.turn(healthy()), IsEmpty());
  guard.now += Millis(1);
  EXPECT_TRUE(sole<CloseIncident>(guard.turn(healthy())));
  EXPECT_THAT(guard.state.incidents, IsEmpty());
}

TEST(Decide, IsNotSatisfiedByTheAbsenceOfFindings) {
  // Goal: recovery is verified only when service is felt, not when nothing can be named.
  VirtualGuard guard;
  guard.turn(killed());
  Instance quiet = healthy();
  quiet.seen.login.result = sense::ProbeResult::NotYet;
  EXPECT_THAT(guard.turn(quiet), IsEmpty());
}

TEST(Decide, ANewFindingDuringTheWatchOpensAnotherIncident) {
  // Goal: a relapse is its own incident and ends the watch of the first.
  VirtualGuard guard;
  guard.turn(killed());
  guard.turn(killed());
  guard.turn(healthy());
  ASSERT_EQ(guard.only().state, IncidentState::Watching);
  const auto decisions = guard.turn(killed());
  ASSERT_TRUE(sole<OpenIncident>(decisions));
  EXPECT_EQ(sole<OpenIncident>(decisions)->closes, "1");
  ASSERT_THAT(guard.state.incidents, SizeIs(1));
  EXPECT_EQ(guard.only().id, "2");
}

TEST(Decide, LeavesObjectsAloneWhileTheInstanceIsUnhealthy) {
  // Goal: nothing is created or closed in a database over a server that is not well.
  VirtualGuard guard;
  guard.policy.missing_table = MissingPolicy::RecreateEmpty;
  Instance dropped = healthy();
  tables(dropped).clear();
  guard.turn(dropped);
  ASSERT_EQ(guard.only().subject, "shop.public.orders");
  Instance both = killed();
  tables(both).clear();
  const auto decisions = guard.turn(both);
  ASSERT_TRUE(sole<OpenIncident>(decisions));
  EXPECT_EQ(sole<OpenIncident>(decisions)->finding.subject, diagnose::kInstanceSubject);
}

TEST(Decide, TellsOfAKilledGuardWhileTheInstanceIsUnhealthy) {
  // Goal: a guard that comes after a killed one, over a server that is dead too, tells of both.
  VirtualGuard guard;
  Instance both = killed();
  both.known.predecessor.emplace();
  std::set<std::string> subjects;
  for (const auto& decision : guard.turn(both))
    if (const auto* opened = std::get_if<OpenIncident>(&decision))
      subjects.insert(opened->finding.subject);
  EXPECT_THAT(subjects, testing::UnorderedElementsAre(std::string(diagnose::kInstanceSubject),
                                                      std::string(diagnose::kGuardSubject)));
}

TEST(Decide, HandlesObjectsEachByItself) {
  // Goal: every object has its own incident, and ends by itself.
  VirtualGuard guard;
  guard.policy.missing_table = MissingPolicy::RecreateEmpty;
  Instance dropped = healthy();
  dropped.known.required_databases = {"crm"};
  tables(dropped).clear();
  EXPECT_THAT(guard.turn(dropped), SizeIs(2));
  EXPECT_THAT(guard.turn(dropped), SizeIs(2));  // both playbooks
  Instance half = healthy();
  half.known.required_databases = {"crm"};
  const auto decisions = guard.turn(half);
  const auto* verify = sole<VerifyRecovery>(decisions);
  ASSERT_TRUE(verify);
  EXPECT_EQ(guard.state.by_id(verify->id)->subject, "shop.public.orders");
}

TEST(Decide, SaysWhatItWaitsForOnce) {
  // Goal: a cause left to a human is not repeated every second.
  VirtualGuard guard;
  Instance unmounted = without_data(instance::DataDirState::Missing);
  unmounted.seen.files.data_dir.filesystem = root_disk();
  guard.turn(unmounted);
  EXPECT_TRUE(sole<WaitForHuman>(guard.turn(unmounted)));
  EXPECT_THAT(guard.turn(unmounted), IsEmpty());
}

TEST(Decide, AStormIsNotOverWhileNobodyIsLetIn) {
  // Goal: a guard that was killed meanwhile has looked once, which is no finding yet, and does not
  // take what the one before it began for over (A6 D2).
  VirtualGuard guard;
  auto instance = healthy();
  auto& login = instance.seen.login;
  login.connections_max = 30;
  login.connections_reserved = 6;
  login.connections_used = 25;
  login.crowded_looks = 100;
  ASSERT_TRUE(sole<OpenIncident>(guard.turn(instance)));
  guard.turn(instance);
  login.crowded_looks = 1;
  EXPECT_TRUE(guard.turn(instance).empty());
  login.connections_used = 24;
  EXPECT_TRUE(sole<VerifyRecovery>(guard.turn(instance)));
}

TEST(Decide, WhatIsSeenInsideIsOverOnlyByANewLook) {
  // Goal: a guard that has not looked into the server yet, or lately, does not take a trouble there
  // for over (B14 D2).
  VirtualGuard guard;
  auto instance = healthy();
  instance.seen.activity.seen = true;
  instance.seen.activity.at = kNow;
  auto& slot = instance.seen.activity.slots.emplace_back();
  slot.name = "old";
  slot.wal_status = "lost";
  slot.idle_looks = 2;
  ASSERT_TRUE(sole<OpenIncident>(guard.turn(instance)));
  ASSERT_TRUE(sole<WaitForHuman>(guard.turn(instance)));
  EXPECT_TRUE(guard.turn(healthy()).empty());
  instance.seen.activity.slots.clear();
  guard.now = kNow + sense::kActivityKept + Seconds(1);
  EXPECT_TRUE(guard.turn(instance).empty());
  guard.now = kNow;
  EXPECT_TRUE(sole<VerifyRecovery>(guard.turn(instance)));
}

}  // namespace
}  // namespace pgkeel::recover
