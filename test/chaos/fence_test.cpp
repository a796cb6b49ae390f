// Fenced data under a real guard: nothing starts in it, nothing mends it, and one command gives it
// back, also when the guard dies in the middle of that.
#include <fstream>

#include "chaos/chaos.hpp"
#include "chaos/crash.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/fence.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kLongEnough{5};  // what is left behind is looked at every second

class Fenced : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene();
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    // The copy with which a lost control file would be mended is there.
    ASSERT_TRUE(test::wait_until(
        [&] { return fs::exists(stage().config().state_dir / "pg_control"); }, kPatience));
  }
  app::Stage& stage() { return *scene_.stage; }
  fs::path data_dir() { return stage().instance().data_dir(); }

  // As by another guard, or by one whose state is gone.
  void crash_and_fence() {
    stage().end_guard();
    stage().note_broken();
    ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
    const instance::FenceNote note{wall_now(), "a test", "it must not come back"};
    ASSERT_TRUE(test::wait_until([&] { return instance::fence_data(data_dir(), note).has_value(); },
                                 kPatience));
  }
  testing::AssertionResult waits_fenced() {
    return await_incident(stage(), "data_fenced", [](const incident::Incident& incident) {
      return incident.state == incident::IncidentState::Waiting && incident.actions.empty() &&
             incident.summary.contains("because it must not come back");
    });
  }
  Result<app::Json> unfence() {
    return stage().client().post("/api/v1/unfence", {{"who", "a test"}});
  }

  Scene scene_;
};

TEST_F(Fenced, DataIsNeitherStartedNorMendedAndIsGivenBack) {
  // Goal: rule 10: fenced data is named, is no lost control file, stays down though the guard has a
  // copy, and one command gives back every acknowledged row (D6 D7).
  ASSERT_NO_FATAL_FAILURE(crash_and_fence());
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(waits_fenced());
  ASSERT_TRUE(stays_down(stage()));
  EXPECT_FALSE(incident_of(stage(), "control_file_lost"));
  EXPECT_FALSE(fs::exists(data_dir() / "global" / "pg_control"));
  const auto plan = stage().client().get("/api/v1/unfence-plan");
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  EXPECT_TRUE(plan->dump().contains("because it must not come back")) << plan->dump();
  ASSERT_TRUE(unfence().has_value());
  EXPECT_FALSE(instance::read_fence(data_dir()));
  ASSERT_TRUE(await_healed(stage(), "data_fenced"));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Fenced, NothingToGiveBackForgetsNothing) {
  // Goal: X8: 'unfence' of the known cluster, which is not fenced, changes nothing and says so; two
  // control files are refused before anything is forgotten.
  const auto forgot = [&] {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return true;
    const incident::Ledger ledger(**store);
    const auto history = ledger.history(10);
    const auto databases = ledger.databases();
    return !history || !history->empty() || !databases || databases->empty();
  };
  ASSERT_TRUE(test::wait_until([&] { return !forgot(); }, kPatience));
  const auto nothing = unfence();
  ASSERT_FALSE(nothing.has_value());
  EXPECT_TRUE(nothing.error().message().contains("nothing was changed"))
      << nothing.error().message();
  EXPECT_FALSE(forgot());
  const auto second = data_dir() / "global" / "pg_control.fenced";
  fs::copy_file(data_dir() / "global" / "pg_control", second);
  EXPECT_FALSE(unfence().has_value());
  EXPECT_FALSE(forgot());
  fs::remove(second);
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Fenced, WhatIsLeftBehindIsNotClearedByAGuardThatOnlyAdvises) {
  // Goal: rules 6 and 11: a note without a fence, a checkpoint that is due, stay as they are while
  // a guard advises or is paused; the one that acts says before and after what it does (E6).
  stage().end_guard();
  std::ofstream(data_dir() / instance::kFenceNoteName) << "left behind\n" << std::flush;
  ASSERT_TRUE(stage().start_guard({{"PGKEEL_MODE", "advise"}}).has_value());
  ASSERT_TRUE(stage().await_ready().has_value());
  const auto cleared = [&] { return !instance::has_stale_note(data_dir()); };
  EXPECT_FALSE(test::wait_until(cleared, kLongEnough));
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(test::wait_until(cleared, kPatience));
  const auto said = [&] {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return false;
    const auto history = incident::Ledger(**store).history(10);
    return history && history->size() == 2 && history->back().detail.empty() &&
           history->back().subject.contains("remove the note") &&
           history->front().subject.contains("note removed");
  };
  EXPECT_TRUE(test::wait_until(said, kPatience));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Fenced, AGuardKilledWhileItGivesBackIsFollowedByOneThatServes) {
  // Goal: E6: killed right after the control file is back: the next guard serves and clears the
  // note that speaks of no fence any more.
  ASSERT_NO_FATAL_FAILURE(crash_and_fence());
  const auto mark = stage().directory() / "mark";
  ASSERT_TRUE(stage().start_guard(crash_at(mark, "fence.lifted")).has_value());
  ASSERT_TRUE(waits_fenced());
  EXPECT_FALSE(unfence().has_value());
  ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
  EXPECT_TRUE(instance::has_stale_note(data_dir()));
  ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "data_fenced"));
  EXPECT_TRUE(test::wait_until([&] { return !instance::has_stale_note(data_dir()); }, kPatience));
}

}  // namespace
}  // namespace pgkeel::chaos
