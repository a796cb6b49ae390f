// When the archive is a synchronous standby, in virtual time.
#include "app/guard/sync_decision.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

SteadyTime at(int seconds) { return kStart + Seconds(seconds); }

SyncView view(std::string names, bool streams, std::uint64_t server, std::uint64_t archive) {
  return {std::move(names), streams, Lsn(server), Lsn(archive), {}};
}

SyncDecision sync(std::optional<Millis> degrade_after = Millis(10'000)) {
  return SyncDecision({SyncPolicy::Durability::Sync, "keel", degrade_after});
}

TEST(SyncDecision, ArmsWhenCaughtUp) {
  // Goal: only when what the server had at one look is on the archive's disk at a later one (D7).
  auto decision = sync();
  EXPECT_EQ(decision.decide(view("", false, 100, 0), at(0)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", true, 200, 100), at(1)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", true, 300, 199), at(2)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", true, 400, 200), at(3)), SyncStep::Arm);
  EXPECT_EQ(decision.decide(view("keel", true, 500, 500), at(4)), SyncStep::None);
}

TEST(SyncDecision, StartsAnewAfterEveryLoss) {
  // Goal: a stream that broke off has to catch up again from where the server is then (D7).
  auto decision = sync();
  EXPECT_EQ(decision.decide(view("", true, 200, 100), at(0)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", false, 900, 0), at(1)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", true, 900, 250), at(2)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("", true, 950, 900), at(3)), SyncStep::Arm);
}

TEST(SyncDecision, DegradesWhenNothingStreams) {
  // Goal: after the whole time of the policy and not before; a short break is nothing (D7).
  auto decision = sync();
  EXPECT_EQ(decision.decide(view("keel", false, 100, 0), at(0)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("keel", true, 100, 100), at(5)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("keel", false, 100, 0), at(6)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("keel", false, 100, 0), at(15)), SyncStep::None);
  EXPECT_EQ(decision.decide(view("keel", false, 100, 0), at(16)), SyncStep::Degrade);
  EXPECT_EQ(decision.lost_since(), at(6));
}

TEST(SyncDecision, DegradesWhenACommitIsStuck) {
  // Goal: a receiver that is there and confirms nothing counts as lost from the moment the oldest
  // commit waited; commits that come and go do not (D7).
  auto decision = sync();
  auto seen = view("keel", true, 100, 100);
  for (int second = 0; second < 30; ++second) {
    seen.waiting = {std::to_string(second)};
    EXPECT_EQ(decision.decide(seen, at(second)), SyncStep::None);
  }
  seen.waiting = {"stuck"};
  for (int second = 30; second < 40; ++second)
    EXPECT_EQ(decision.decide(seen, at(second)), SyncStep::None) << second;
  EXPECT_EQ(decision.decide(seen, at(40)), SyncStep::Degrade);
  EXPECT_EQ(decision.lost_since(), at(30));
}

TEST(SyncDecision, WaitsWhenToldTo) {
  // Goal: sync_on_loss = "wait" never gives up (D7).
  auto decision = sync(std::nullopt);
  for (int second = 0; second < 1000; second += 10)
    EXPECT_EQ(decision.decide(view("keel", false, 100, 0), at(second)), SyncStep::None);
}

TEST(SyncDecision, LeavesOthersAndUndoesItsOwn) {
  // Goal: standbys somebody else configured are not touched; ours goes when it is not asked for
  // (D7).
  auto decision = sync();
  EXPECT_EQ(decision.decide(view("replica1", true, 1, 1), at(0)), SyncStep::Foreign);
  SyncDecision async({SyncPolicy::Durability::Async, "keel", Millis(10'000)});
  EXPECT_EQ(async.decide(view("keel", true, 1, 1), at(0)), SyncStep::Disarm);
  EXPECT_EQ(async.decide(view("replica1", true, 1, 1), at(1)), SyncStep::None);
  EXPECT_EQ(async.decide(view("", true, 1, 1), at(2)), SyncStep::None);
}

TEST(SyncDecision, PausedItOnlyGivesWay) {
  // Goal: an operator's pause leaves the setting alone, but commits that hang on our own name are
  // let go as sync_on_loss says, and not taken back before the pause is over (D7 A8).
  auto decision = sync();
  auto seen = view("", true, 200, 200);
  seen.paused = true;
  for (int second = 0; second < 5; ++second)
    EXPECT_EQ(decision.decide(seen, at(second)), SyncStep::None);
  seen.paused = false;
  EXPECT_EQ(decision.decide(seen, at(5)), SyncStep::Arm);
  seen = view("keel", false, 200, 0);
  seen.paused = true;
  EXPECT_EQ(decision.decide(seen, at(10)), SyncStep::None);
  EXPECT_EQ(decision.decide(seen, at(20)), SyncStep::Degrade);
  SyncDecision async({SyncPolicy::Durability::Async, "keel", Millis(10'000)});
  seen = view("keel", true, 1, 1);
  seen.paused = true;
  EXPECT_EQ(async.decide(seen, at(0)), SyncStep::None);
}

TEST(SyncNames, OursIsAWholeName) {
  // Goal: only commits that wait for the archive keep its slot; another's standby does not (D15
  // E8).
  EXPECT_TRUE(names_standby("keel", "keel"));
  EXPECT_TRUE(names_standby("\"keel\"", "keel"));
  EXPECT_TRUE(names_standby("ANY 1 (replica1, keel)", "keel"));
  EXPECT_TRUE(names_standby("keel_2,keel", "keel"));
  EXPECT_FALSE(names_standby("replica1", "keel"));
  EXPECT_FALSE(names_standby("keel_2, my_keel", "keel"));
  EXPECT_FALSE(names_standby("", "keel"));
}

class Protection : public testing::Test {
 protected:
  using Change = SyncProtection::Change;
  Change note(std::string names, bool idle, bool unprotected) {
    auto seen = view(std::move(names), true, 1, 1);
    seen.checkpointer_idle = idle;
    return protection_.note(seen, policy_, unprotected);
  }
  SyncPolicy policy_{SyncPolicy::Durability::Sync, "keel", Millis(10'000)};
  SyncProtection protection_{false};
};

TEST_F(Protection, IsBelievedOnceTheCheckpointerHasTakenIt) {
  // Goal: the setting is shown before it is obeyed; while a checkpoint is in a hurry commits still
  // do not wait, and nobody is told they do (D7).
  EXPECT_EQ(note("keel", true, true), Change::None) << "it may not have heard of it yet";
  EXPECT_EQ(note("keel", false, true), Change::None) << "it has not looked";
  EXPECT_EQ(note("keel", true, true), Change::Ends);
  EXPECT_EQ(note("keel", true, false), Change::None);
  EXPECT_EQ(note("", true, true), Change::None);
  EXPECT_EQ(note("keel", true, true), Change::None) << "taken up anew, believed anew";
}

TEST_F(Protection, EndsAlsoWhenOthersEmptyTheSetting) {
  // Goal: an operator or a restored postgresql.auto.conf that takes our name out is an interval,
  // for a guard that began since too; before the first arming nothing was promised (D7 E8).
  EXPECT_EQ(note("", true, false), Change::None);
  EXPECT_EQ(note("keel", true, false), Change::None);
  EXPECT_EQ(note("", true, false), Change::Begins);
  EXPECT_EQ(note("", true, true), Change::None);
  EXPECT_TRUE(protection_.was_armed());
  protection_ = SyncProtection(true);
  EXPECT_EQ(note("", true, false), Change::Begins);
  policy_.durability = SyncPolicy::Durability::Async;
  EXPECT_EQ(note("", true, false), Change::None);
  EXPECT_FALSE(protection_.was_armed()) << "not asked for any more";
}

}  // namespace
}  // namespace pgkeel::app
