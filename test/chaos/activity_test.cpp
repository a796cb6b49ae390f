// What goes on inside a server that runs well: connections that are used up, a transaction left
// open, a slot nobody reads, an archive command that fails. Each is named with whoever it is, and
// is over by itself when it ends; nothing is run for it.
#include <fmt/format.h>

#include <algorithm>

#include "chaos/chaos.hpp"
#include "client/connection.hpp"

namespace pgkeel::chaos {
namespace {

using client::Connection;
using incident::Incident;
using testing::HasSubstr;

constexpr Seconds kLimit{30};
constexpr std::size_t kSessionsMax = 30;  // more than the server has room for

// The stage's server with settings that need a start of their own, which a killed one gets.
Scene build_small_server() {
  auto scene = build_scene({{"PGKEEL_SENSE_LOGIN_EVERY", "500ms"},
                            {"PGKEEL_SENSE_IN_DOUBT", "250ms"},
                            {"PGKEEL_SENSE_IDLE_IN_TRANSACTION", "1s"}});
  if (!scene.stage) return scene;
  for (const auto* change :
       {"alter system set max_connections = 20", "alter system set archive_mode = on",
        "alter system set archive_command = 'true'", "alter system set autovacuum = off",
        "create role crowd login"})
    EXPECT_TRUE(scene.stage->sql("postgres", change)) << change;
  kill_server(*scene.stage);
  EXPECT_TRUE(await_healed(*scene.stage, "server_killed"));
  return scene;
}

class ActivityGuarded : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_small_server();
    ASSERT_TRUE(scene_.stage);
    stage().note_broken();
  }
  void TearDown() override {
    holder_.reset();
    if (waiter_) stage().loop().run_until_complete(until(&waited_));
    if (HasFailure() && scene_.stage) stage().keep();
  }

  [[nodiscard]] app::Stage& stage() { return *scene_.stage; }
  runtime::Task<void> open_into(std::optional<Connection>* session, std::string* sqlstate,
                                std::string role, std::string application) {
    auto conninfo = stage().conninfo("shop");
    conninfo.user = std::move(role);
    client::ConnectOptions options;
    options.deadline = stage().loop().after(kLimit);
    options.application_name = std::move(application);
    auto opened = co_await Connection::open(stage().loop(), std::move(conninfo), options);
    if (opened) session->emplace(std::move(*opened));
    else *sqlstate = opened.error().sqlstate();
  }
  std::optional<Connection> open(std::string role, std::string application, std::string* sqlstate) {
    std::optional<Connection> session;
    stage().loop().run_until_complete(
        open_into(&session, sqlstate, std::move(role), std::move(application)));
    return session;
  }
  runtime::Task<void> execute(Connection* session, std::string sql, bool* done) {
    const auto rows = co_await session->execute(std::move(sql), stage().loop().after(kPatience));
    EXPECT_TRUE(rows.has_value());
    *done = true;
  }
  runtime::Task<void> until(const bool* done) {
    const auto deadline = stage().loop().after(kLimit);
    while (!*done && stage().loop().now() < deadline)
      static_cast<void>(co_await stage().loop().sleep_for(Millis(5)));
  }
  [[nodiscard]] std::string ask(std::string query) {
    const auto rows = stage().sql("postgres", std::move(query));
    return rows && !rows->empty() ? std::string(rows->text(0, 0).value_or("")) : "";
  }

  // Open, with these words in its summary, and nothing was done about it.
  testing::AssertionResult await_named(std::string_view cause, std::string words) {
    return await_incident(stage(), cause, [&](const Incident& incident) {
      return !healed(incident) && incident.actions.empty() && incident.summary.contains(words);
    });
  }
  void leave_transaction_open() {
    std::string refused;
    holder_ = open("postgres", "leaky app", &refused);
    waiter_ = open("postgres", "victim", &refused);
    ASSERT_TRUE(holder_ && waiter_) << refused;
    bool locked = false;
    stage().loop().run_until_complete(
        execute(&*holder_, "begin; lock table orders in access exclusive mode", &locked));
    ASSERT_TRUE(locked);
    stage().loop().spawn(execute(&*waiter_, "select count(*) from orders", &waited_));
    EXPECT_EQ(ask("select 1"), "1");  // lets the waiter's statement go out
  }
  void abandon_slot() {
    ASSERT_TRUE(stage().sql("postgres", "alter system set max_slot_wal_keep_size = '1MB'"));
    ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
    ASSERT_TRUE(
        stage().sql("postgres", "select pg_create_physical_replication_slot('gone', true)"));
    const auto past = [this] {
      switch_segment();
      EXPECT_TRUE(stage().sql("postgres", "checkpoint"));
      const auto status = ask("select wal_status from pg_replication_slots");
      return status == "lost" || status == "unreserved";
    };
    ASSERT_TRUE(test::wait_until(past, kPatience));
  }
  void break_archive_command() {
    ASSERT_TRUE(stage().sql("postgres", "alter system set archive_command = 'false'"));
    ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
    const auto failed = [this] {
      switch_segment();
      return ask("select failed_count > 0 from pg_stat_archiver") == "t";
    };
    ASSERT_TRUE(test::wait_until(failed, kPatience));
  }
  void switch_segment() {
    EXPECT_TRUE(stage().sql("postgres", "select pg_logical_emit_message(false, '', '')"));
    EXPECT_TRUE(stage().sql("postgres", "select pg_switch_wal()"));
  }
  std::size_t count_of(std::string_view cause) {
    const auto all = incidents(stage());
    const auto since = std::chrono::floor<Millis>(stage().broken_at());
    return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Incident& incident) {
      return incident.cause == cause && incident.opened_at >= since;
    }));
  }

  Scene scene_;
  std::optional<Connection> holder_;
  std::optional<Connection> waiter_;
  bool waited_ = false;
};

TEST_F(ActivityGuarded, AConnectionStormIsNamedWithWhoHoldsTheConnections) {
  // Goal: clients are refused while the server is well: the role and application that hold most of
  // its connections are named, the guard itself answers all the while, and when they leave it is
  // over without anything having been done (K26 D1 D2).
  const auto server = postmaster_pid(stage());
  std::vector<std::optional<Connection>> sessions;
  std::string refused;
  while (refused.empty() && sessions.size() < kSessionsMax)
    sessions.push_back(open("crowd", "leaky pool", &refused));
  ASSERT_EQ(refused, "53300");
  // The guard's own short logins were among those in use: whatever they leave is taken as well.
  const auto full = [&] {
    std::string said;
    auto session = open("crowd", "leaky pool", &said);
    if (session) sessions.push_back(std::move(session));
    return count_of("connection_storm") > 0;
  };
  ASSERT_TRUE(test::wait_until(full, kPatience));
  ASSERT_TRUE(await_named("connection_storm", "role crowd in database shop, application leaky"));
  const auto status = stage().client().get("/api/v1/status");
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(status->value("reason", ""), HasSubstr("refused"));
  sessions.clear();
  EXPECT_TRUE(await_healed(stage(), "connection_storm"));
  EXPECT_EQ(postmaster_pid(stage()), server);
}

TEST_F(ActivityGuarded, EachTroubleInsideIsNamedUntilItIsOver) {
  // Goal: a transaction left open that somebody waits for, a slot past what the server keeps for
  // it, and an archive_command that fails, all at once: each is an incident of its own that names
  // whoever it is, nothing is done about it, and it is over when the operator ends it (K8 K9 K10
  // K28 K31 B14).
  ASSERT_NO_FATAL_FAILURE(leave_transaction_open());
  ASSERT_NO_FATAL_FAILURE(abandon_slot());
  ASSERT_NO_FATAL_FAILURE(break_archive_command());
  EXPECT_TRUE(await_named(
      "idle_in_transaction",
      fmt::format("pid {} (role postgres, application leaky app", holder_->backend_pid())));
  EXPECT_TRUE(await_named("idle_in_transaction", "1 session waits for it: pid"));
  EXPECT_TRUE(await_named("slot_abandoned", "Replication slot gone (physical)"));
  EXPECT_TRUE(await_named("archive_failing", "The server's archive_command fails, last for 0"));
  EXPECT_EQ(incident_of(stage(), "archive_failing")->subject, "archive.command");
  EXPECT_FALSE(waited_);
  EXPECT_EQ(ask("select count(*) from pg_replication_slots"), "1");
  bool over = false;
  stage().loop().run_until_complete(execute(&*holder_, "commit", &over));
  stage().loop().run_until_complete(until(&waited_));
  EXPECT_TRUE(waited_);
  EXPECT_TRUE(stage().sql("postgres", "select pg_drop_replication_slot('gone')"));
  EXPECT_TRUE(stage().sql("postgres", "alter system set archive_command = 'true'"));
  EXPECT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
  for (const auto* cause : {"idle_in_transaction", "slot_abandoned", "archive_failing"})
    EXPECT_TRUE(await_healed(stage(), cause));
}

}  // namespace
}  // namespace pgkeel::chaos
