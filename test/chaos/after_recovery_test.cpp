// What follows a recovery: the operator's invariants, which keep an incident open while they do not
// hold, and hooks, which run at most once.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "chaos/chaos.hpp"
#include "incident/report.hpp"
#include "runtime/files.hpp"
#include "runtime/http.hpp"

namespace pgkeel::chaos {
namespace {

using incident::ActionOutcome;
using incident::Incident;
using incident::IncidentState;
using testing::HasSubstr;

std::string hooks_file() { return fmt::format("/tmp/pgkeel-hooks-{}", ::getpid()); }

// Appends a line for each run, with what the hook was told.
std::string hook(std::string_view ending) {
  return fmt::format(
      "[[after_recovery]]\n"
      "command = \"echo $PGKEEL_CAUSE $PGKEEL_SUBJECT $PGKEEL_INCIDENT >> {}; {}\"\n",
      hooks_file(), ending);
}

std::string runs() { return runtime::read_file(hooks_file(), 10'000).value_or(""); }

std::vector<incident::Action> hooks_of(const Incident& incident) {
  std::vector<incident::Action> hooks;
  for (const auto& action : incident.actions)
    if (action.playbook == "after_recovery") hooks.push_back(action);
  return hooks;
}

bool hooks_ended(const Incident& incident) {
  const auto hooks = hooks_of(incident);
  return !hooks.empty() && std::ranges::none_of(hooks, [](const auto& action) {
    return action.outcome == ActionOutcome::Pending;
  });
}

runtime::Task<runtime::HttpResponse> answer(std::vector<std::string>* asked,
                                            runtime::HttpRequest request) {
  asked->push_back(request.method + " " + request.path);
  runtime::HttpResponse response;
  if (request.path == "/broken") response.status = 503;
  co_return response;
}

// While the loop of this process runs, which answers what the guard asks.
runtime::Task<bool> until(runtime::Loop* loop, const std::function<bool()>* met) {
  constexpr Millis kAgain{20};
  const auto deadline = loop->after(kPatience);
  while (!(*met)() && loop->now() < deadline) static_cast<void>(co_await loop->sleep_for(kAgain));
  co_return (*met)();
}

class AfterRecovery : public testing::Test {
 protected:
  ~AfterRecovery() override { forget_runs(); }
  // The stage's database was created by the guard, after which the hooks ran too.
  static void forget_runs() { std::filesystem::remove(hooks_file()); }
};

TEST_F(AfterRecovery, HooksRunOnceAndTheirOutputIsInTheIncident) {
  // Goal: a killed server is back, verified, then the command ran once with the incident in its
  // environment; a failing hook is said and holds up nothing (C2 D3).
  auto scene =
      build_scene({}, hook("echo restarted the api") + hook("echo no such container; exit 3"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  forget_runs();
  kill_server(stage);
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    return hooks_of(incident).size() == 2 && hooks_ended(incident) && healed(incident);
  }));
  const auto incident = *incident_of(stage, "server_killed");
  const auto hooks = hooks_of(incident);
  EXPECT_EQ(hooks[0].outcome, ActionOutcome::Done);
  EXPECT_THAT(hooks[0].note, HasSubstr("restarted the api"));
  EXPECT_EQ(hooks[1].outcome, ActionOutcome::Failed);
  EXPECT_THAT(hooks[1].note, HasSubstr("exit code 3: no such container"));
  const auto line = fmt::format("server_killed instance {}\n", incident.id);
  EXPECT_EQ(runs(), line + line);
  ASSERT_TRUE(service_restored(scene));
}

TEST_F(AfterRecovery, AHookThatWasBegunIsNotRunAgain) {
  // Goal: a guard killed between a hook's end and its journal line: the next says interrupted and
  // runs the other one, which was never begun (at most once).
  auto scene = build_scene({}, hook("true") + hook("true"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard({{"PGKEEL_CRASH_AT", "after_recovery/hook_1/acted"}}).has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  forget_runs();
  kill_server(stage);
  ASSERT_TRUE(test::wait_until([&] { return !stage.guard_alive(); }, kPatience));
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    return hooks_of(incident).size() == 2 && hooks_ended(incident) && healed(incident);
  }));
  const auto hooks = hooks_of(*incident_of(stage, "server_killed"));
  EXPECT_EQ(hooks[0].outcome, ActionOutcome::Interrupted);
  EXPECT_EQ(hooks[1].outcome, ActionOutcome::Done);
  const auto text = runs();
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  ASSERT_TRUE(service_restored(scene));
}

TEST_F(AfterRecovery, NothingIsRunByAGuardThatOnlyAdvises) {
  // Goal: a server that somebody else brought back is verified, and the hook's line says why it was
  // not run (X8).
  auto scene = build_scene({}, hook("true"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard({{"PGKEEL_MODE", "advise"}}).has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  forget_runs();
  kill_server(stage);
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    return incident.state == IncidentState::Waiting;
  }));
  // Children of the killed server may still hold its shared memory.
  const auto start = [&] {
    try {
      run_as_server(stage, {fmt::format("{}/pg_ctl", kBinDir), "start", "-w", "-D",
                            stage.instance().data_dir().string()});
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  ASSERT_TRUE(test::wait_until(start, kPatience));
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    const auto hooks = hooks_of(incident);
    return !hooks.empty() && hooks[0].outcome != ActionOutcome::Pending && healed(incident);
  }));
  const auto hooks = hooks_of(*incident_of(stage, "server_killed"));
  EXPECT_EQ(hooks[0].outcome, ActionOutcome::Skipped);
  EXPECT_EQ(hooks[0].note, "mode = advise");
  EXPECT_EQ(runs(), "");
  ASSERT_TRUE(service_restored(scene));
}

TEST_F(AfterRecovery, AUrlIsCalledAndItsAnswerJudged) {
  // Goal: one GET for each url; a refusal is a failed hook, said with its status.
  const auto port = test::free_port();
  const auto url = [port](std::string_view path) {
    return fmt::format("[[after_recovery]]\nurl = \"http://127.0.0.1:{}{}\"\n", port, path);
  };
  auto scene = build_scene({}, url("/reconnect") + url("/broken"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  std::vector<std::string> asked;
  runtime::HttpServer api(
      stage.loop(), [&asked](runtime::HttpRequest request) { return answer(&asked, request); });
  ASSERT_TRUE(api.listen_tcp("127.0.0.1", port).has_value());
  kill_server(stage);
  const std::function<bool()> called = [&] {
    const auto incident = incident_of(stage, "server_killed");
    return incident && hooks_of(*incident).size() == 2 && hooks_ended(*incident);
  };
  ASSERT_TRUE(stage.loop().run_until_complete(until(&stage.loop(), &called)));
  EXPECT_THAT(asked, testing::ElementsAre("GET /reconnect", "GET /broken"));
  const auto hooks = hooks_of(*incident_of(stage, "server_killed"));
  EXPECT_EQ(hooks[0].outcome, ActionOutcome::Done);
  EXPECT_EQ(hooks[1].outcome, ActionOutcome::Failed);
  EXPECT_EQ(hooks[1].note, "answered 503");
  ASSERT_TRUE(service_restored(scene));
}

TEST_F(AfterRecovery, AnInvariantThatDoesNotHoldKeepsTheIncidentOpen) {
  // Goal: the server is back and serves, but the data is not as it must be: the incident stays
  // open with the reason, nothing is repaired for it, no hook runs; mended, it closes (C2 D13).
  auto scene = build_scene({{"PGKEEL_RECOVER_WATCH_FOR", "0s"}},
                           "[[invariant]]\ndatabase = \"shop\"\n"
                           "sql = \"select count(*) from orders where item = 'the last'\"\n"
                           "expect = \"> 0\"\n" +
                               hook("true"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  forget_runs();
  kill_server(stage);
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    return incident.state == IncidentState::Verifying && !incident.verified.empty();
  }));
  const auto open = *incident_of(stage, "server_killed");
  const auto& failed = open.verified.back();
  EXPECT_FALSE(failed.passed);
  EXPECT_THAT(failed.check, HasSubstr("invariant shop"));
  EXPECT_EQ(failed.note, "is 0, expected > 0");
  EXPECT_TRUE(hooks_of(open).empty());
  const auto status = stage.client().get("/api/v1/status");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->value("state", ""), "degraded");
  EXPECT_THAT(status->value("reason", ""), HasSubstr("is 0, expected > 0"));
  ASSERT_TRUE(stage.sql("shop", "insert into orders (item) values ('the last')").has_value());
  ASSERT_TRUE(await_incident(stage, "server_killed", [](const Incident& incident) {
    return incident.state == IncidentState::Closed && hooks_ended(incident);
  }));
  const auto closed = *incident_of(stage, "server_killed");
  EXPECT_TRUE(closed.verified.back().passed);
  const auto text = runs();
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
  ASSERT_TRUE(service_restored(scene));
}

bool has_event(const Incident& incident, std::string_view beginning) {
  return std::ranges::any_of(incident.events, [beginning](const incident::Event& event) {
    return event.text.starts_with(beginning);
  });
}

TEST(Watch, TheListOfChecksAndTheEndOfTheWatchAreKept) {
  // Goal: each check with its result and time, and what broke the watch by its name; a person who
  // looks after the next incident is remembered by the next guard, too (D13 D15 D16).
  auto scene = build_scene({{"PGKEEL_RECOVER_WATCH_FOR", "10min"}});
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  const auto first = *incident_of(stage, "server_killed");
  std::vector<std::string> checks;
  for (const auto& check : first.verified) {
    checks.push_back(check.check);
    EXPECT_TRUE(check.passed && !check.note.empty() && check.at >= first.opened_at) << check.check;
  }
  EXPECT_THAT(checks, testing::ElementsAre("login", "write", "databases", "tables"));
  EXPECT_TRUE(has_event(first, "excluded: volume_lost, because "));
  EXPECT_THAT(incident::markdown_report(first), HasSubstr("The stability watch runs"));

  kill_server(stage);
  const auto read = [&] {
    const auto all = incidents(stage);
    const auto found = std::ranges::find(all, first.id, &Incident::id);
    return found == all.end() ? Incident() : *found;
  };
  // The reason is journaled behind the state.
  constexpr auto kBroken = "closed: its watch was broken: server_killed of instance began";
  ASSERT_TRUE(test::wait_until([&] { return has_event(read(), kBroken); }, kPatience));
  EXPECT_EQ(read().state, IncidentState::Closed);
  EXPECT_THAT(incident::markdown_report(read()), HasSubstr("its watch was broken: server"));
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  const auto second = *incident_of(stage, "server_killed");
  const auto ack = [&](const std::string& id) {
    return stage.client().post("/api/v1/ack", {{"incident", id}, {"who", "ann"}});
  };
  EXPECT_TRUE(ack(second.id).has_value());
  EXPECT_EQ(ack(first.id).error().code, ErrorCode::WrongState);
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  EXPECT_EQ(incident_of(stage, "server_killed")->acked_by, "ann");
  ASSERT_TRUE(service_restored(scene));
}

}  // namespace
}  // namespace pgkeel::chaos
