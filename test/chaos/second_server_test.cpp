// A second container over the volume of the first, where nothing may be ended: the first one is
// paused, or the second one comes again and again.
#include <algorithm>

#include "chaos/container_scene.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;

// A human is told these words, and nothing was done but to look.
auto stands_before(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    const auto says = [&](const incident::Event& event) { return event.text.contains(words); };
    const auto looks = [](const incident::Action& one) { return one.step == "judge_servers"; };
    return incident.state == incident::IncidentState::Waiting &&
           std::ranges::any_of(incident.events, says) &&
           std::ranges::all_of(incident.actions, looks);
  };
}

ContainerSpec twin_of(std::string name) {
  ContainerSpec twin;
  twin.name = std::move(name);
  twin.port_offset = 1;
  return twin;
}

class SecondServer : public ContainerScene {
 protected:
  void start_engine() override {
    ContainerScene::start_engine();
    build();
  }
};

TEST_F(SecondServer, ASecondOneOverAPausedFirstIsNotEnded) {
  // Goal: slow is not dead, and the other way round: where the first one is paused the second may
  // be what serves: a human, nothing is ended; unpaused, the second is ended (D14 B13).
  stage().end_guard();
  engine_->run(twin_of("twin"));
  engine_->pause("pg");
  stage().note_broken();
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(
      await_incident(stage(), "two_servers", stands_before("container pg, the known one, is")));
  const auto running = engine_->names(ContainerEngine::Which::Running);
  EXPECT_EQ(std::ranges::count(running, "twin"), 1);
  engine_->unpause("pg");
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "two_servers"));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running), std::vector<std::string>{"pg"});
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(SecondServer, ASecondOneThatComesAgainAndAgainIsAHumans) {
  // Goal: rule 6: two in an hour are ended, the third waits for a human, whose 'resume' has it
  // ended (D14).
  for (const auto* name : {"twin1", "twin2"}) {
    stage().note_broken();
    engine_->run(twin_of(name));
    ASSERT_TRUE(await_healed(stage(), "two_servers"));
    engine_->remove(name);
  }
  stage().note_broken();
  engine_->run(twin_of("twin3"));
  ASSERT_TRUE(await_incident(stage(), "two_servers", stands_before("2 second servers were ended")));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running),
            (std::vector<std::string>{"pg", "twin3"}));
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "two_servers"));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running), std::vector<std::string>{"pg"});
  ASSERT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
