// Sessions that die: in mid query, while idle, with and without a word from the server.
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

using LossTest = ClientTest;
using runtime::Task;

// Does to the server what the test wants once `pid` is seen inside its query.
Task<void> when_active(runtime::Loop* loop, const test::PostgresServer* server, pid_t pid,
                       std::move_only_function<void()> act) {
  const std::string sql =
      "select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' "
      "and pid = " +
      std::to_string(pid);
  while (server->query(sql) != "1") static_cast<void>(co_await loop->sleep_for(Millis(5)));
  act();
}

TEST_F(LossTest, ABackendKilledInMidQueryIsUnknown) {
  // Goal: A3 - kill -9 of the backend in mid statement: lost at once, and the outcome is not
  // guessed.
  Connection connection = open();
  const pid_t backend = connection.backend_pid();
  loop.spawn(when_active(&loop, &server, backend, [backend] { ::kill(backend, SIGKILL); }));
  const auto rows = query(connection, "select pg_sleep(60)");
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().error.code, ErrorCode::ConnectionLost);
  EXPECT_EQ(rows.error().outcome, Outcome::Unknown);
  EXPECT_EQ(rows.error().phase, Phase::InFlight);
  EXPECT_FALSE(connection.usable());
  await_crash_noticed();
  expect_served();
}

TEST_F(LossTest, APostmasterKilledInMidQueryIsNoticed) {
  // Goal: A3 - when the whole server is killed the session ends with an error, and start() heals.
  Connection connection = open();
  const pid_t backend = connection.backend_pid();
  loop.spawn(when_active(&loop, &server, backend, [this, backend] {
    server.kill9();
    ::kill(backend, SIGKILL);
  }));
  const auto rows = query(connection, "select pg_sleep(60)");
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().error.code, ErrorCode::ConnectionLost);
  server.start();
  expect_served();
}

TEST_F(LossTest, ATerminatedSessionKeepsTheFirstSqlstate) {
  // Goal: C2 - 57P01 is kept although libpq adds a code-less error of its own behind it.
  Connection connection = open();
  const pid_t backend = connection.backend_pid();
  loop.spawn(when_active(&loop, &server, backend, [this, backend] {
    server.query("select pg_terminate_backend(" + std::to_string(backend) + ")");
  }));
  const auto rows = query(connection, "select pg_sleep(60)");
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().sqlstate(), "57P01");
  EXPECT_EQ(rows.error().error.code, ErrorCode::ConnectionLost);
  EXPECT_EQ(connection.fate(), pg::ConnectionFate::Evict);
  expect_served();
}

TEST_F(LossTest, AnIdleSessionsDeathIsAnEvent) {
  // Goal: D1 - the guard learns of a dying backend at once, with the server's reason.
  Connection connection = open();
  const pid_t backend = connection.backend_pid();
  std::jthread killer([this, backend] {
    server.query("select pg_terminate_backend(" + std::to_string(backend) + ")");
  });
  const auto lost = loop.run_until_complete(connection.wait_lost(soon()));
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->sqlstate(), "57P01");
  EXPECT_EQ(lost->outcome, Outcome::NotApplied);
  EXPECT_FALSE(connection.usable());
  expect_served();
}

TEST_F(LossTest, AnIdleSessionDiesWithTheServer) {
  // Goal: D1 - kill -9 of another backend takes all sessions along; the idle one is seen to end.
  Connection connection = open();
  Connection victim = open();
  const pid_t pid = victim.backend_pid();
  ::kill(pid, SIGKILL);
  const auto lost = loop.run_until_complete(connection.wait_lost(soon()));
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->error.code, ErrorCode::ConnectionLost);
  EXPECT_EQ(lost->outcome, Outcome::NotApplied);
  // The server's farewell is a courtesy: a backend killed at a bad moment closes without a word.
  if (!lost->sqlstate().empty()) EXPECT_EQ(lost->sqlstate(), "57P02");
  await_crash_noticed();
  expect_served();
}

TEST_F(LossTest, ALivingSessionOutlastsTheWait) {
  // Goal: waiting for the loss of a healthy session ends at the deadline and leaves it usable.
  Connection connection = open();
  const auto lost = loop.run_until_complete(connection.wait_lost(loop.after(Millis(50))));
  EXPECT_FALSE(lost.has_value());
  EXPECT_EQ(value(connection, "select 1"), "1");
}

TEST_F(LossTest, ASessionLostWhileIdleIsNotAppliedOnTheNextUse) {
  // Goal: X3 - a statement never sent is NotApplied, so that it may safely go to another session.
  Connection connection = open();
  server.restart();
  const auto rows = query(connection, "select 1");
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().phase, Phase::BeforeSend);
  EXPECT_EQ(rows.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(rows.error().sqlstate(), "57P01");
  const auto again = query(connection, "select 1");
  EXPECT_EQ(again.error().phase, Phase::BeforeSend);
  expect_served();
}

TEST_F(LossTest, AResetConnectionIsLost) {
  // Goal: a network that resets the connection in mid query is a loss with an unknown outcome.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  gate.arm("pg_sleep", test::GateAction::CutRequest);
  const auto rows = query(connection, "select pg_sleep(0)");
  EXPECT_EQ(rows.error().error.code, ErrorCode::ConnectionLost);
  EXPECT_EQ(rows.error().outcome, Outcome::Unknown);
  EXPECT_TRUE(gate.sprung());
  expect_served();
}

}  // namespace
}  // namespace pgkeel::client
