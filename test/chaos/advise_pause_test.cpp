// A guard that was told not to act does not act: mode = "advise" shows what it would do, pause
// watches until resume.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "chaos/doctor.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;

bool advised(const Incident& incident) {
  return !incident.actions.empty() && std::ranges::all_of(incident.actions, [](const auto& action) {
    return action.outcome == incident::ActionOutcome::Advised;
  });
}

TEST(Advise, ShowsEveryStepAndDoesNothing) {
  // The server stays down until a guard that may act comes (X8).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard({{"PGKEEL_MODE", "advise"}}).has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  kill_server(stage);
  ASSERT_TRUE(await_incident(stage, "server_killed", advised));
  ASSERT_TRUE(stays_down(stage));
  ASSERT_TRUE(await_incident(stage, "server_killed", advised));
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
}

TEST(Pause, NothingIsDoneUntilResume) {
  // A paused guard names the fault, waits, and heals it when resumed (X8). What it saw then names
  // the cause again when all is over (C2 B9).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(stage.client().post("/api/v1/pause", app::Json::object()).has_value());
  kill_server(stage);
  const auto waits = [](const Incident& incident) {
    return incident.state == IncidentState::Waiting && incident.actions.empty();
  };
  ASSERT_TRUE(await_incident(stage, "server_killed", waits));
  ASSERT_TRUE(stays_down(stage));
  ASSERT_TRUE(await_incident(stage, "server_killed", waits));
  ASSERT_TRUE(stage.client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
  EXPECT_TRUE(replays(stage, "server_killed"));
}

TEST(Abandoned, IsLeftAloneByEveryGuardUntilTakenBack) {
  // Goal: an incident that a person took into their hands is watched and no more, by the next
  // guard, too; taken back, it is healed at once (C7 D16).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  const auto post = [&](const std::string& path, const app::Json& body) {
    const auto done = stage.client().post(path, body);
    EXPECT_TRUE(done.has_value()) << done.error().message();
  };
  post("/api/v1/pause", app::Json::object());
  kill_server(stage);
  const auto waits = [](const Incident& incident) {
    return incident.state == IncidentState::Waiting;
  };
  ASSERT_TRUE(await_incident(stage, "server_killed", waits));
  const auto id = incident_of(stage, "server_killed")->id;
  post("/api/v1/abandon", {{"incident", id}, {"who", "ann"}});
  post("/api/v1/resume", app::Json::object());
  ASSERT_TRUE(stays_down(stage));
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(stage.start_guard().has_value());
  const auto says_whose = [](const Incident& incident) {
    return std::ranges::count_if(incident.events, [](const auto& event) {
             return event.text.contains("ann abandoned it");
           }) > 1;
  };
  ASSERT_TRUE(await_incident(stage, "server_killed", says_whose));
  ASSERT_TRUE(stays_down(stage));
  EXPECT_TRUE(incident_of(stage, "server_killed")->actions.empty());
  post("/api/v1/take-back", {{"incident", id}});
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
  EXPECT_FALSE(stage.client().post("/api/v1/abandon", {{"incident", "2020-01-01-001"}}));
}

}  // namespace
}  // namespace pgkeel::chaos
