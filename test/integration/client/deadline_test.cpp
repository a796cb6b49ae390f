// No server, however hung, hangs its caller.
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

// A loaded machine may add this much to any wait; a hang would add seconds.
constexpr Millis kSlack{1'500};

using DeadlineTest = ClientTest;

TEST_F(DeadlineTest, ALoginAtAStoppedPostmasterEndsInTime) {
  // Goal: D1 - a postmaster that accepts (by the kernel) but never answers is noticed in time.
  {
    const Stopped hung(server.pid());
    const SteadyTime began = loop.now();
    const auto connection = try_open(server.conninfo(), Millis(300));
    ASSERT_FALSE(connection.has_value());
    EXPECT_EQ(connection.error().error.code, ErrorCode::TimedOut);
    EXPECT_EQ(connection.error().phase, Phase::Connect);
    EXPECT_LT(millis(loop.now() - began), Millis(300) + kSlack);
  }
  expect_served();
}

TEST_F(DeadlineTest, AQueryOnAStoppedBackendEndsInTimeAndIsUnknown) {
  // Goal: a backend that can neither answer nor be cancelled costs the connection, not the caller.
  Connection connection = open();
  {
    const Stopped hung(connection.backend_pid());
    const SteadyTime began = loop.now();
    const auto rows =
        loop.run_until_complete(connection.query("select 1", {}, loop.after(Millis(200))));
    ASSERT_FALSE(rows.has_value());
    EXPECT_EQ(rows.error().error.code, ErrorCode::TimedOut);
    EXPECT_EQ(rows.error().outcome, Outcome::Unknown);
    EXPECT_FALSE(connection.usable());
    EXPECT_LT(millis(loop.now() - began), Millis(200) + kCancelGrace + kSlack);
  }
  expect_served();
}

TEST_F(DeadlineTest, AQueryOnAStoppedPostmasterStillWorks) {
  // Goal: a stopped postmaster does not concern a running session, nor does a cancel hang on it.
  Connection connection = open();
  const Stopped hung(server.pid());
  EXPECT_EQ(value(connection, "select 1"), "1");
  const SteadyTime began = loop.now();
  const auto rows =
      loop.run_until_complete(connection.query("select pg_sleep(60)", {}, loop.after(Millis(100))));
  EXPECT_EQ(rows.error().error.code, ErrorCode::TimedOut);
  EXPECT_LT(millis(loop.now() - began), Millis(100) + kCancelGrace + kSlack);
}

TEST_F(DeadlineTest, ASlowQueryIsCancelledAndTheConnectionStays) {
  // Goal: B4 - the server confirms the cancel, so the outcome is known and the connection is kept.
  Connection connection = open();
  query(connection, "create table t (n int)").value();
  const auto rows = loop.run_until_complete(
      connection.query("with slow as (select pg_sleep(60)) insert into t select 1 from slow", {},
                       loop.after(Millis(100))));
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().error.code, ErrorCode::TimedOut);
  EXPECT_EQ(rows.error().sqlstate(), "57014");
  EXPECT_EQ(rows.error().outcome, Outcome::NotApplied);
  EXPECT_TRUE(connection.usable());
  EXPECT_EQ(value(connection, "select count(*) from t"), "0");
}

TEST_F(DeadlineTest, AStopRequestCancelsTheQuery) {
  // Goal: a caller that stops gets its answer at once and knows the outcome.
  Connection connection = open();
  std::stop_source stop;
  loop.post([&stop] { stop.request_stop(); });
  const auto rows = loop.run_until_complete(connection.query(
      "select pg_sleep(60)", {}, Limit(loop.after(test::kPatience), stop.get_token())));
  EXPECT_EQ(rows.error().error.code, ErrorCode::Cancelled);
  EXPECT_EQ(rows.error().outcome, Outcome::NotApplied);
  EXPECT_TRUE(connection.usable());
}

TEST_F(DeadlineTest, AStalledNetworkEndsInTime) {
  // Goal: a network that swallows everything, cancels too, ends in time with the truth: unknown.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  gate.stall();
  const SteadyTime began = loop.now();
  const auto rows =
      loop.run_until_complete(connection.query("select 1", {}, loop.after(Millis(200))));
  EXPECT_EQ(rows.error().error.code, ErrorCode::TimedOut);
  EXPECT_EQ(rows.error().outcome, Outcome::Unknown);
  EXPECT_LT(millis(loop.now() - began), Millis(200) + kCancelGrace + kSlack);
  gate.resume();
  Connection again = open(gate.conninfo());
  EXPECT_EQ(value(again, "select 1"), "1");
}

TEST_F(DeadlineTest, ALargeStatementIntoAStalledNetworkIsNotApplied) {
  // Goal: a statement that could not leave completely cannot have been run.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  query(connection, "create table t (v text)").value();
  gate.stall();
  const auto rows = loop.run_until_complete(connection.query(
      "insert into t values ($1)", {std::string(64U << 20U, 'x')}, loop.after(Millis(300))));
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().phase, Phase::BeforeSend);
  EXPECT_EQ(rows.error().outcome, Outcome::NotApplied);
  EXPECT_FALSE(connection.usable());
  gate.resume();
  EXPECT_EQ(server.query("select count(*) from t"), "0");
}

TEST_F(DeadlineTest, APassedDeadlineSendsNothingNew) {
  // Goal: a call that comes too late fails at once.
  Connection connection = open();
  const auto rows =
      loop.run_until_complete(connection.query("select pg_sleep(60)", {}, loop.now() - Millis(1)));
  EXPECT_EQ(rows.error().error.code, ErrorCode::TimedOut);
  EXPECT_EQ(rows.error().outcome, Outcome::NotApplied);
}

}  // namespace
}  // namespace pgkeel::client
