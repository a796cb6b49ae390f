// The first start's role and database: made once, by a guard that may die anywhere, and never on a
// server that is not pgkeel's own before somebody asks.
#include <fmt/format.h>

#include <fstream>

#include "chaos/crash.hpp"
#include "chaos/remote_guard.hpp"
#include "client/connection.hpp"
#include "recover/executor.hpp"
#include "runtime/files.hpp"

namespace pgkeel::chaos {
namespace {

using app::GuardEnvironment;
using app::Json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPassword = "correct horse 'battery' staple";
constexpr std::size_t kLogBytes = 4U << 20U;

GuardEnvironment application(const std::string& name) {
  return {{"PGKEEL_APPLICATION_DATABASE", name},
          {"PGKEEL_APPLICATION_ROLE", name + "_app"},
          {"PGKEEL_APPLICATION_PASSWORD", std::string(kPassword)}};
}

std::string value_of(app::Stage& stage, const std::string& sql) {
  const auto rows = stage.sql("postgres", sql);
  if (!rows) return rows.error().message();
  return rows->empty() ? "no row" : std::string(rows->text(0, 0).value_or("null"));
}

Json application_of(const app::Stage& stage) {
  const auto status = stage.client().get("/api/v1/status");
  return status ? status->value("application", Json()) : Json();
}

bool await_state(const app::Stage& stage, std::string_view state) {
  return test::wait_until(
      [&] {
        const auto seen = application_of(stage);
        return seen.is_object() && seen.value("state", "") == state;
      },
      kPatience);
}

void restart_guard(app::Stage& stage, const GuardEnvironment& environment) {
  stage.end_guard();
  const auto started = stage.start_guard(environment);
  ASSERT_TRUE(started.has_value()) << started.error().message();
  const auto ready = stage.await_ready();
  ASSERT_TRUE(ready.has_value()) << ready.error().message();
}

// Logs in over TCP, where the password counts.
Result<client::Rows> as_application(app::Stage& stage, const std::string& name,
                                    std::string statement) {
  auto conninfo = stage.conninfo(name);
  conninfo.host = "127.0.0.1";
  conninfo.user = name + "_app";
  conninfo.password = kPassword;
  auto& loop = stage.loop();
  client::ConnectOptions options;
  options.deadline = loop.after(kPatience);
  auto opened = loop.run_until_complete(client::Connection::open(loop, conninfo, options));
  if (!opened) return fail(client::to_error(opened.error()));
  return client::plain(
      loop.run_until_complete(opened->execute(std::move(statement), loop.after(kPatience))));
}

void expect_whole(app::Stage& stage, const std::string& name) {
  EXPECT_EQ(value_of(stage, fmt::format("select pg_get_userbyid(datdba) from pg_database where "
                                        "datname = '{}'",
                                        name)),
            name + "_app");
  EXPECT_EQ(value_of(stage, fmt::format("select concat_ws(' ', rolsuper, rolcreatedb, "
                                        "rolcreaterole, rolconnlimit) "
                                        "from pg_roles where rolname = '{}_app'",
                                        name)),
            "f f f 77");
  EXPECT_THAT(value_of(stage, fmt::format("select array_to_string(rolconfig, ' ') from pg_roles "
                                          "where rolname = '{}_app'",
                                          name)),
              AllOf(HasSubstr("statement_timeout=10min"), HasSubstr("lock_timeout=30s"),
                    HasSubstr("idle_in_transaction_session_timeout=15min"),
                    HasSubstr("tcp_keepalives_idle=60")));
}

void expect_no_password_in(const app::Stage& stage) {
  for (const auto* file : {"guard.log", "data.log"}) {
    const auto text = runtime::read_file_tail(stage.directory() / file, kLogBytes);
    ASSERT_TRUE(text.has_value()) << file;
    EXPECT_THAT(*text, AllOf(Not(HasSubstr("correct horse")), Not(HasSubstr("SCRAM-SHA-256$"))))
        << file;
  }
}

TEST(ApplicationSetup, GuardKilledAnywhereAndTheNextStartFinishes) {
  // Goal: killed between any two lines of the first start, the next one leaves exactly the role and
  // the database that were asked for, and says they are pgkeel's own work (B5 A9).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  // A server that logs every statement must not learn the password either.
  ASSERT_TRUE(stage.sql("postgres", "alter system set log_statement = 'all'").has_value());
  ASSERT_TRUE(stage.sql("postgres", "select pg_reload_conf()").has_value());
  int number = 0;
  for (const auto* step : {"make_role", "make_database"}) {
    for (const auto place : kPlaces) {
      const auto at = recover::fault_point_name("application", step, place);
      SCOPED_TRACE(at);
      const auto name = fmt::format("first{}", ++number);
      const auto mark = stage.directory() / name;
      auto environment = application(name);
      std::ranges::move(crash_at(mark, at), std::back_inserter(environment));
      stage.end_guard();
      ASSERT_TRUE(stage.start_guard(environment).has_value());
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene, mark));
      ASSERT_NO_FATAL_FAILURE(restart_guard(stage, application(name)));
      ASSERT_TRUE(await_state(stage, "done")) << application_of(stage).dump();
      EXPECT_THAT(application_of(stage).dump(),
                  AllOf(HasSubstr("made, owned by"), Not(HasSubstr("was there"))));
      expect_whole(stage, name);
    }
  }
  EXPECT_TRUE(as_application(stage, "first1", "create table public.t (id int)").has_value());
  expect_no_password_in(stage);
}

TEST(ApplicationSetup, IsDoneOnceAndChangesNothingThatWasThere) {
  // Goal: made on the first start of all; what is dropped or changed afterwards is left so, and a
  // role and a database that were there before are not touched (B5 X8).
  auto scene = build_scene(application("own"));
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  ASSERT_TRUE(await_state(stage, "done"));
  expect_whole(stage, "own");
  const auto made = as_application(stage, "own", "select 1");
  EXPECT_TRUE(made.has_value()) << made.error().message();

  ASSERT_TRUE(stage.sql("postgres", "create role old_app login connection limit 3").has_value());
  ASSERT_TRUE(stage.sql("postgres", "create database old").has_value());
  ASSERT_NO_FATAL_FAILURE(restart_guard(stage, application("old")));
  ASSERT_TRUE(await_state(stage, "done"));
  EXPECT_THAT(application_of(stage).dump(), HasSubstr("was there, left as it is"));
  EXPECT_EQ(value_of(stage,
                     "select concat_ws(' ', rolconnlimit, rolpassword is null) "
                     "from pg_authid where rolname = 'old_app'"),
            "3 t");

  ASSERT_TRUE(stage.sql("postgres", "drop role old_app").has_value());
  ASSERT_NO_FATAL_FAILURE(restart_guard(stage, application("old")));
  ASSERT_TRUE(await_state(stage, "done"));
  EXPECT_EQ(value_of(stage, "select count(*) from pg_roles where rolname = 'old_app'"), "0");
}

TEST(ApplicationSetup, SaysWhichPasswordIsMissingAndGoesOnWhenItIsThere) {
  // Goal: without a password nothing is made and status says what to set; the file is found when
  // somebody writes it, without a restart (B5).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  const auto file = stage.directory() / "secret";
  ASSERT_NO_FATAL_FAILURE(
      restart_guard(stage, {{"PGKEEL_APPLICATION_DATABASE", "late"},
                            {"PGKEEL_APPLICATION_ROLE", "late_app"},
                            {"PGKEEL_APPLICATION_PASSWORD_FILE", file.string()}}));
  ASSERT_TRUE(await_state(stage, "failed"));
  EXPECT_THAT(application_of(stage).dump(), AllOf(HasSubstr("secret"), HasSubstr("at most 77")));
  EXPECT_EQ(value_of(stage, "select count(*) from pg_roles where rolname = 'late_app'"), "0");
  std::ofstream(file) << kPassword << "\n";
  ASSERT_TRUE(await_state(stage, "done")) << application_of(stage).dump();
  expect_whole(stage, "late");
  const auto works = as_application(stage, "late", "select 1");
  EXPECT_TRUE(works.has_value()) << works.error().message();
}

TEST(ApplicationSetup, ElsewhereIsShownAndMadeWhenAsked) {
  // Goal: on a server pgkeel may only query nothing is made by itself; what would be is shown, what
  // right is missing is said, and --apply makes it (B5 A8).
  RemoteGuard guard({{"log_statement", "all"}},
                    "[application]\ndatabase = \"web\"\n"
                    "password_file = \"secret\"\n");
  ASSERT_NO_FATAL_FAILURE(guard.start());
  ASSERT_TRUE(guard.await_status([](const Json& status) {
    return status.contains("application") && !status["application"]["items"].empty();
  })) << guard.guard_log();
  EXPECT_THAT(guard.output_of({"application"}),
              AllOf(HasSubstr("not asked for"), HasSubstr("role web: will be made"),
                    HasSubstr("setting lock_timeout: 30s")));
  EXPECT_THAT(guard.output_of({"status"}), HasSubstr("database web, role web: not asked for"));
  EXPECT_THAT(guard.output_of({"application", "--apply"}),
              AllOf(HasSubstr("lacks CREATEROLE and CREATEDB"), HasSubstr("HINT")));
  guard.server().query("alter role app createdb createrole");
  guard.write("secret", kPassword);
  EXPECT_THAT(guard.output_of({"application", "--apply"}),
              AllOf(HasSubstr("done"), HasSubstr("role web: made"),
                    HasSubstr("database web: made, owned by web")));
  EXPECT_EQ(guard.server().query("select rolsuper::text || rolconnlimit from pg_roles "
                                 "where rolname = 'web'"),
            "false37");
  EXPECT_THAT(guard.server().log(), Not(HasSubstr("correct horse")));
  EXPECT_THAT(guard.guard_log(), Not(HasSubstr("correct horse")));
}

}  // namespace
}  // namespace pgkeel::chaos
