// Every way an operator stops a server with PostgreSQL's or Debian's own tools, or with a signal:
// the guard says so once, does not fight it, and guards again when the operator has started it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "chaos/chaos.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;

constexpr std::string_view kCause = "stopped_by_operator";

bool obeyed(const Incident& incident) {
  return incident.state == IncidentState::Waiting && incident.actions.empty();
}
bool closed(const Incident& incident) { return incident.state == IncidentState::Closed; }

std::string pg_ctl() { return fmt::format("{}/pg_ctl", kBinDir); }

void pg_ctl_stop(app::Stage& stage, const std::string& mode) {
  stage.note_broken();
  run_as_server(stage,
                {pg_ctl(), "stop", "-w", "-m", mode, "-D", stage.instance().data_dir().string()});
}

void pg_ctl_start(app::Stage& stage) {
  run_as_server(stage, {pg_ctl(), "start", "-w", "-D", stage.instance().data_dir().string()});
}

// Nothing but the stop was seen since it began: no other cause was named, nothing was done.
testing::AssertionResult only_stop_named(const app::Stage& stage) {
  for (const auto& incident : incidents(stage)) {
    if (incident.opened_at < std::chrono::floor<Millis>(stage.broken_at())) continue;
    if (incident.cause != kCause || !incident.actions.empty())
      return testing::AssertionFailure() << incident.id << " is " << incident.cause;
    for (const auto& event : incident.events)
      if (event.text.starts_with("cause refined"))
        return testing::AssertionFailure() << incident.id << ": " << event.text;
  }
  return testing::AssertionSuccess();
}

template <class Start>
void expect_obeyed(app::Stage& stage, Start start) {
  ASSERT_TRUE(await_incident(stage, kCause, obeyed));
  ASSERT_TRUE(test::wait_until([&] { return postmaster_pid(stage) == 0; }, kPatience));
  ASSERT_TRUE(stays_down(stage));
  ASSERT_TRUE(only_stop_named(stage));
  start();
  ASSERT_TRUE(await_incident(stage, kCause, closed));
}

void expect_guarded_again(Scene& scene) {
  if (!scene.writer) add_writer(scene);
  kill_server(*scene.stage);
  ASSERT_TRUE(await_healed(*scene.stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
}

TEST(OperatorStop, EndingSessions) {
  // Goal: stops that end sessions are obeyed under a working application (B13, D3).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  const auto start = [&] { pg_ctl_start(stage); };
  for (const auto* mode : {"fast", "immediate"}) {
    SCOPED_TRACE(mode);
    pg_ctl_stop(stage, mode);
    ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, start));
  }
  for (const int signal : {SIGINT, SIGQUIT}) {
    SCOPED_TRACE(signal);
    kill_server(stage, signal);
    ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, start));
  }
  ASSERT_NO_FATAL_FAILURE(expect_guarded_again(scene));
}

TEST(OperatorStop, WaitingForSessions) {
  // Goal: a smart stop waits for sessions to end; the guard's own do not hold it up (B13, D3).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  const auto start = [&] { pg_ctl_start(stage); };
  pg_ctl_stop(stage, "smart");
  ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, start));
  kill_server(stage, SIGTERM);
  ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, start));
  ASSERT_NO_FATAL_FAILURE(expect_guarded_again(scene));
}

TEST(OperatorStop, KilledWhileItStops) {
  // Goal: a stop that is killed because it takes too long, as services and container engines do,
  // is a stop: the session of an application holds the smart shutdown up until the kill.
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(service_restored(scene));
  kill_server(stage, SIGTERM);
  ASSERT_TRUE(await_incident(stage, kCause, obeyed));
  const auto since = stage.broken_at();
  kill_server(stage);
  ASSERT_TRUE(test::wait_until([&] { return postmaster_pid(stage) == 0; }, kPatience));
  ASSERT_TRUE(stays_down(stage));
  for (const auto& incident : incidents(stage))
    EXPECT_TRUE(incident.opened_at < since || obeyed(incident)) << incident.cause;
  pg_ctl_start(stage);
  ASSERT_TRUE(service_restored(scene));
}

TEST(OperatorStop, StartedOnAnotherPort) {
  // Goal: an operator who gives the server another port is followed there: no restart of the guard
  // (C1).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  const auto port = test::free_port();
  pg_ctl_stop(stage, "fast");
  const auto file = stage.instance().data_dir() / "postgresql.conf";
  std::ofstream(file, std::ios::app) << "port = " << port << "\n";
  ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, [&] { pg_ctl_start(stage); }));
  EXPECT_EQ(stage.instance().port(), port);
  ASSERT_NO_FATAL_FAILURE(expect_guarded_again(scene));
}

TEST(OperatorStop, ANewGuardLeavesItStopped) {
  // Goal: a guard that is restarted while the server is stopped on purpose does not start it.
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  pg_ctl_stop(stage, "fast");
  ASSERT_TRUE(await_incident(stage, kCause, obeyed));
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stays_down(stage));
  pg_ctl_start(stage);
  ASSERT_TRUE(await_incident(stage, kCause, closed));
  ASSERT_NO_FATAL_FAILURE(expect_guarded_again(scene));
}

// A cluster as Debian keeps it, gone when the object is.
class DebianCluster {
 public:
  DebianCluster() {
    drop();
    const auto port = std::to_string(test::free_port());
    ctl({"pg_createcluster", "15", kName, "--port", port, "--", "--no-sync", "--auth=trust"});
    start();
  }
  ~DebianCluster() { drop(); }
  DebianCluster(const DebianCluster&) = delete;
  DebianCluster& operator=(const DebianCluster&) = delete;

  static bool possible() {
    return ::geteuid() == 0 && ::access("/usr/bin/pg_createcluster", X_OK) == 0;
  }
  static app::GuardEnvironment environment() {
    return {{"PGKEEL_INSTANCE_KIND", "managed"},
            {"PGKEEL_INSTANCE_UNIT", std::string("postgresql@15-") + kName},
            {"PGKEEL_INSTANCE_DATA_DIR", std::string("/var/lib/postgresql/15/") + kName},
            {"PGKEEL_INSTANCE_SOCKET_DIR", "/var/run/postgresql"}};
  }
  static void stop(const std::string& mode) {
    ctl({"pg_ctlcluster", "15", kName, "stop", "-m", mode});
  }
  static void start() { ctl({"pg_ctlcluster", "15", kName, "start"}); }

 private:
  static constexpr const char* kName = "pgkeelstop";
  static int run(const std::vector<std::string>& argv) {
    std::string line;
    for (const auto& word : argv) line += word + " ";
    return std::system((line + ">/dev/null 2>&1").c_str());
  }
  static void ctl(const std::vector<std::string>& argv) { ASSERT_EQ(run(argv), 0) << argv.front(); }
  static void drop() { static_cast<void>(run({"pg_dropcluster", "--stop", "15", kName})); }
};

TEST(OperatorStop, ADebianCluster) {
  // Goal: pg_ctlcluster stop in each mode is obeyed, and the cluster is guarded again (B13, D3).
  if (!DebianCluster::possible()) GTEST_SKIP() << "needs root and postgresql-common";
  const DebianCluster cluster;
  auto scene = build_scene(DebianCluster::environment());
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  for (const auto* mode : {"smart", "fast", "immediate"}) {
    SCOPED_TRACE(mode);
    stage.note_broken();
    DebianCluster::stop(mode);
    ASSERT_NO_FATAL_FAILURE(expect_obeyed(stage, [] { DebianCluster::start(); }));
  }
  ASSERT_NO_FATAL_FAILURE(expect_guarded_again(scene));
}

}  // namespace
}  // namespace pgkeel::chaos
