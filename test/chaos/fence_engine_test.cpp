// The restart policy of a container whose cluster is fenced, under an engine that can change it:
// off first, back as it was when the known cluster serves, whoever dies in between.
#include <gmock/gmock.h>

#include "chaos/container_scene.hpp"
#include "chaos/crash.hpp"
#include "chaos/policy_engine.hpp"
#include "instance/fence.hpp"
#include "recover/executor.hpp"

namespace pgkeel::chaos {
namespace {

using testing::ElementsAre;

class FencedPolicy : public ContainerScene {
 protected:
  void start_engine() override {
    ContainerScene::start_engine();
    ASSERT_NO_FATAL_FAILURE(engine_->run({}));
    policy_.emplace(engine_->socket(), "always");
    auto environment = engine_->environment();
    for (auto& [name, value] : environment)
      if (name == "PGKEEL_INSTANCE_ENGINE_SOCKET") value = policy_->socket().string();
    watch(std::move(environment));
  }
  void TearDown() override {
    scene_ = {};
    policy_.reset();
    ContainerScene::TearDown();
  }

  void replace_by_fresh_cluster(const std::string& volume) {
    stage().note_broken();
    engine_->stop("pg");
    engine_->remove("pg");
    ContainerSpec renamed;
    renamed.volume = volume;
    engine_->run(renamed);
  }
  bool policy_becomes(std::string_view wanted) {
    return test::wait_until([&] { return policy_->policy() == wanted; }, kPatience);
  }

  std::optional<PolicyEngine> policy_;
};

TEST_F(FencedPolicy, IsOffBeforeTheStopAndBackBeforeTheStart) {
  // Goal: issue 6 part 3: the engine's restart policy goes first, and is what it was in the end.
  ASSERT_NO_FATAL_FAILURE(replace_by_fresh_cluster("project2"));
  ASSERT_TRUE(await_healed(stage(), "fresh_cluster"));
  EXPECT_THAT(policy_->told(), ElementsAre("policy no", "stop", "policy always", "start"));
  EXPECT_EQ(policy_->policy(), "always");
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(FencedPolicy, AnEngineThatSaysYesAndDoesNothingEndsItThere) {
  // Goal: issue 6, bad input: it is noticed, nothing is stopped or changed in the data, a human is
  // told; once the engine does as it says the guard goes on.
  policy_->behave(PolicyEngine::Manner::SaysYesOnly);
  ASSERT_NO_FATAL_FAILURE(replace_by_fresh_cluster("project2"));
  ASSERT_TRUE(await_incident(stage(), "fresh_cluster", [](const incident::Incident& incident) {
    return incident.state == incident::IncidentState::Waiting &&
           std::ranges::any_of(incident.actions, [](const incident::Action& action) {
             return action.note.contains("answered that it was done, but");
           });
  }));
  EXPECT_THAT(policy_->told(), testing::Not(testing::Contains("stop")));
  EXPECT_FALSE(instance::read_fence(engine_->volume("project2")));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running), std::vector<std::string>{"pg"});
  policy_->behave(PolicyEngine::Manner::Obeys);
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "fresh_cluster"));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(FencedPolicy, IsSetBackByTheNextGuard) {
  // Goal: E6: a guard killed while the policy is off is followed by one that sets it back, also
  // where the known data is in its place already and the playbook is not run again.
  int round = 0;
  for (const auto* step : {"hold_restarts", "fence_fresh_cluster", "release_restarts"}) {
    SCOPED_TRACE(step);
    const auto name = recover::fault_point_name("replace_fresh_cluster", step, "intended");
    const auto mark = stage().directory() / "mark";
    std::filesystem::remove(mark);
    stage().end_guard();
    ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
    ASSERT_TRUE(stage().await_ready().has_value());
    ASSERT_NO_FATAL_FAILURE(replace_by_fresh_cluster("project" + std::to_string(++round)));
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "fresh_cluster"));
    EXPECT_TRUE(policy_becomes("always"));
  }
}

}  // namespace
}  // namespace pgkeel::chaos
