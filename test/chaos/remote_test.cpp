// A server somewhere else, guarded by SQL alone through a role without superuser.
#include <gmock/gmock.h>

#include "chaos/chaos.hpp"
#include "chaos/remote_guard.hpp"

namespace pgkeel::chaos {
namespace {

using app::Json;
using incident::IncidentState;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// {"able": ..., "why_not": ...} of one feature in the status.
Json feature(const Json& status, std::string_view name) {
  for (const auto& row : status.value("features", Json::array()))
    if (row.value("name", "") == name) return row;
  return Json::object();
}

std::string why_not(const Json& status, std::string_view name) {
  const auto row = feature(status, name);
  return row.contains("why_not") && row["why_not"].is_string() ? row["why_not"].get<std::string>()
                                                               : std::string();
}

bool catalog_known(const Json& status) {
  return !status.value("databases", Json::array()).empty() &&
         !why_not(status, "keep_definitions").empty();
}

TEST(RemoteServer, IsGuardedWithoutAnErrorInItsLog) {
  // Goal: a role without superuser and an ordinary user: the matrix is printed, nothing is written,
  // no session is kept, and the server's log holds no complaint (A8 D5 B8).
  RemoteGuard guard({{"log_statement", "all"}});
  ASSERT_NO_FATAL_FAILURE(guard.start());
  ASSERT_TRUE(guard.await_status(catalog_known)) << guard.status().dump(1);
  const auto status = guard.status();
  EXPECT_EQ(status["instance"]["kind"], "remote");
  EXPECT_EQ(status["state"], "up");
  EXPECT_EQ(status["health"], "pass");
  EXPECT_EQ(why_not(status, "restart_server"), "needs to start the server");
  EXPECT_EQ(why_not(status, "restore_configuration"), "needs the data directory");
  EXPECT_EQ(why_not(status, "create_database"), "needs CREATEDB");
  EXPECT_EQ(why_not(status, "see_all_sessions"), "needs pg_read_all_stats");
  EXPECT_EQ(why_not(status, "keep_definitions"), "needs SELECT on every table");
  EXPECT_TRUE(feature(status, "probe").value("able", false));
  const auto screen = guard.output_of({"status"});
  EXPECT_THAT(screen, AllOf(HasSubstr("Cannot"), HasSubstr("needs CREATEDB"),
                            HasSubstr("remote server 127.0.0.1"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(guard.output_of({"psql", "-XAtc", "select current_user"}), "app\n");
  EXPECT_THAT(guard.output_of({"logs", "postgres"}), HasSubstr("out of the guard's reach"));
  // Several looks: sessions come and go, and none stays.
  const auto sessions = "select count(*) from pg_stat_activity where usename = 'app'";
  ASSERT_TRUE(test::wait_until([&] { return guard.server().query(sessions) == "0"; }));
  EXPECT_THAT(guard.complaints(), IsEmpty());
  EXPECT_THAT(guard.server().log(), Not(HasSubstr("pg_logical_emit_message")));
  EXPECT_THAT(guard.guard_log(), Not(HasSubstr("hunter2")));
}

TEST(RemoteServer, ThatGoesAwayIsNamedAndClosedWhenItIsBack) {
  // Goal: stopped: server_unreachable with what the login met; back: verified and closed, without a
  // hand laid on anything (A8 D2).
  RemoteGuard guard;
  ASSERT_NO_FATAL_FAILURE(guard.start());
  guard.server().stop();
  ASSERT_TRUE(guard.await_incident("server_unreachable", IncidentState::Waiting))
      << guard.guard_log();
  const auto named = guard.incident_of("server_unreachable");
  ASSERT_FALSE(named->evidence.empty());
  EXPECT_THAT(named->evidence.front().text, HasSubstr("refused"));
  EXPECT_FALSE(guard.status().value("serving", true));
  EXPECT_THAT(guard.output_of({"incident", "list"}), HasSubstr("server_unreachable"));
  guard.server().start();
  ASSERT_TRUE(guard.await_incident("server_unreachable", IncidentState::Closed))
      << guard.guard_log();
  const auto closed = guard.incident_of("server_unreachable");
  EXPECT_TRUE(closed->actions.empty());
  EXPECT_FALSE(closed->verified.empty());
  EXPECT_EQ(guard.server().query("select count(*) from orders", "shop"), "100");
}

TEST(RemoteServer, WarnsOfItsPlansLimits) {
  // Goal: the sizes of the databases that can be seen are held against the plan while the server
  // serves on (D13).
  RemoteGuard guard({}, "[limits]\nstorage = \"1MB\"\nconnections = 50\n");
  ASSERT_NO_FATAL_FAILURE(guard.start());
  ASSERT_TRUE(guard.await_incident("limit_reached", IncidentState::Waiting)) << guard.guard_log();
  const auto incident = guard.incident_of("limit_reached");
  EXPECT_EQ(incident->subject, "limits.storage");
  EXPECT_EQ(incident->severity, incident::Severity::Critical);
  EXPECT_TRUE(guard.status().value("serving", false));
  EXPECT_THAT(guard.complaints(), IsEmpty());
}

TEST(RemoteServer, DoesWhatTheRoleMayAndWaitsForTheRest) {
  // Goal: a required database is not even tried without CREATEDB, the incident names the right, and
  // with it the guard creates the database by itself (D5 B8).
  RemoteGuard guard({}, {}, "databases = [\"fresh\"]\n");
  ASSERT_NO_FATAL_FAILURE(guard.start());
  ASSERT_TRUE(guard.await_incident("database_missing", IncidentState::Waiting))
      << guard.guard_log();
  const auto waiting = guard.incident_of("database_missing");
  EXPECT_TRUE(waiting->actions.empty());
  EXPECT_THAT(waiting->events.back().text, HasSubstr("lacks CREATEDB"));
  EXPECT_THAT(guard.complaints(), IsEmpty());
  guard.server().query("alter role app createdb");
  ASSERT_TRUE(guard.await_incident("database_missing", IncidentState::Closed)) << guard.guard_log();
  EXPECT_EQ(guard.server().query("select count(*) from pg_database where datname = 'fresh'"), "1");
  EXPECT_THAT(guard.complaints(), IsEmpty());
}

TEST(RemoteServer, NamesALostTableAndAPasswordThatChanged) {
  // Goal: the catalog is followed without a kept session; a refused login is told apart from a
  // server that is down (D1 D2).
  RemoteGuard guard;
  ASSERT_NO_FATAL_FAILURE(guard.start());
  ASSERT_TRUE(guard.await_status(catalog_known));
  guard.server().query("drop table orders", "shop");
  ASSERT_TRUE(guard.await_incident("table_dropped", IncidentState::Waiting)) << guard.guard_log();
  guard.server().query("alter role app password 'changed'");
  ASSERT_TRUE(guard.await_incident("server_unreachable", IncidentState::Waiting))
      << guard.guard_log();
  const auto named = guard.incident_of("server_unreachable");
  EXPECT_THAT(named->evidence.front().text, HasSubstr("authentication"));
  guard.server().query("alter role app password 'hunter2'");
  ASSERT_TRUE(guard.await_incident("server_unreachable", IncidentState::Closed))
      << guard.guard_log();
}

}  // namespace
}  // namespace pgkeel::chaos
