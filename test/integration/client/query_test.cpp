// Statements, parameters, results and errors on a healthy server.
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

using QueryTest = ClientTest;

TEST_F(QueryTest, ParametersAndTypedValuesRoundTrip) {
  // Goal: text, NULL, numbers and booleans come back as they were sent.
  Connection connection = open();
  const auto rows =
      query(connection, "select $1::text as a, $2::text, $3::int8, $4::bool, $5::float8",
            {"it's \\ \xE2\x82\xAC", std::nullopt, "-9223372036854775808", "t", "1.5"});
  ASSERT_TRUE(rows.has_value()) << rows.error().message();
  EXPECT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->text(0, 0), "it's \\ \xE2\x82\xAC");
  EXPECT_EQ(rows->text(0, 1), std::nullopt);
  EXPECT_EQ(rows->int64(0, 2).value(), std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(rows->boolean(0, 3).value());
  EXPECT_DOUBLE_EQ(rows->real(0, 4).value(), 1.5);
  EXPECT_EQ(rows->column("a"), 0U);
  EXPECT_EQ(rows->column("zzz"), std::nullopt);
  EXPECT_EQ(rows->int64(0, 1).error().code, ErrorCode::Malformed);
  EXPECT_EQ(rows->int64(0, 0).error().code, ErrorCode::Malformed);
}

TEST_F(QueryTest, TagAndAffectedRowsAreKept) {
  // Goal: a command without rows still says what it did.
  Connection connection = open();
  query(connection, "create table t (n int)").value();
  const auto rows = query(connection, "insert into t select generate_series(1, 3)");
  EXPECT_EQ(rows.value().command_tag(), "INSERT 0 3");
  EXPECT_EQ(rows.value().affected(), 3U);
}

TEST_F(QueryTest, LargeStatementsAndResultsPassTheNonBlockingSocket) {
  // Goal: megabytes in both directions neither block the loop nor lose a byte.
  Connection connection = open();
  const std::string big(8U << 20U, 'x');
  const auto rows = query(connection, "select $1::text", {big});
  ASSERT_TRUE(rows.has_value()) << rows.error().message();
  EXPECT_EQ(rows->text(0, 0), big);
}

TEST_F(QueryTest, AnErrorIsNotAppliedAndTheConnectionGoesOn) {
  // Goal: a server's error has its SQLSTATE, constraint and outcome, and costs no connection.
  Connection connection = open();
  query(connection, "create table t (n int constraint only_once unique)").value();
  query(connection, "insert into t values (1)").value();
  const auto twice = query(connection, "insert into t values (1)");
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().sqlstate(), "23505");
  EXPECT_EQ(twice.error().constraint, "only_once");
  EXPECT_EQ(twice.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(twice.error().phase, Phase::InFlight);
  EXPECT_EQ(value(connection, "select count(*) from t"), "1");
}

TEST_F(QueryTest, AScriptIsOneTransactionUnlessItCommits) {
  // Goal: a failing script is NotApplied as a whole, but Unknown once it held a COMMIT of its own.
  Connection connection = open();
  query(connection, "create table t (n int)").value();
  const auto whole =
      loop.run_until_complete(connection.execute("insert into t values (1); select 1/0", soon()));
  EXPECT_EQ(whole.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(value(connection, "select count(*) from t"), "0");
  const auto partly = loop.run_until_complete(
      connection.execute("begin; insert into t values (1); commit; select 1/0", soon()));
  EXPECT_EQ(partly.error().outcome, Outcome::Unknown);
  EXPECT_EQ(value(connection, "select count(*) from t"), "1");
}

TEST_F(QueryTest, StalePreparedStatementsArePreparedAgain) {
  // Goal: a forgotten statement and a changed result type are mended without the caller noticing.
  Connection connection = open();
  query(connection, "create table t (n int)").value();
  query(connection, "insert into t values (7)").value();
  ASSERT_TRUE(loop.run_until_complete(connection.prepare("S", "select * from t", soon())));
  EXPECT_EQ(loop.run_until_complete(connection.query_prepared("S", {}, soon())).value().size(), 1U);
  query(connection, "alter table t alter n type text").value();
  EXPECT_EQ(loop.run_until_complete(connection.query_prepared("S", {}, soon())).value().size(), 1U);
  query(connection, "deallocate all").value();
  EXPECT_EQ(loop.run_until_complete(connection.query_prepared("S", {}, soon())).value().size(), 1U);
  const auto unknown = loop.run_until_complete(connection.query_prepared("T", {}, soon()));
  EXPECT_EQ(unknown.error().sqlstate(), "26000");
}

TEST_F(QueryTest, CopyIsRefusedWithoutHangingTheSession) {
  // Goal: what the room does not do ends in an error, not in a wait for the deadline.
  Connection connection = open();
  const auto copy = query(connection, "copy pg_class to stdout");
  ASSERT_FALSE(copy.has_value());
  EXPECT_EQ(copy.error().error.code, ErrorCode::NotSupported);
  EXPECT_FALSE(connection.usable());
  expect_served();
}

TEST_F(QueryTest, NoticesAreKeptButBounded) {
  // Goal: a server that warns in a loop does not fill our memory; the newest warnings stay.
  Connection connection = open();
  query(connection, "do $$ begin for i in 1..100 loop raise warning 'w%', i; end loop; end $$")
      .value();
  const std::vector<Notice> notices = connection.take_notices();
  ASSERT_EQ(notices.size(), 32U);
  EXPECT_EQ(notices.back().message, "w100");
  EXPECT_EQ(notices.back().severity, "WARNING");
  EXPECT_TRUE(connection.take_notices().empty());
}

TEST_F(QueryTest, ServerParametersAreKnown) {
  // Goal: version, parameters and backend are known without a query.
  Connection connection = open();
  EXPECT_GE(connection.server_version_num(), 150000);
  EXPECT_EQ(connection.parameter("client_encoding"), "UTF8");
  EXPECT_EQ(value(connection, "select pg_backend_pid()"), std::to_string(connection.backend_pid()));
  EXPECT_EQ(connection.host(), "127.0.0.1:" + std::to_string(server.port()));
}

}  // namespace
}  // namespace pgkeel::client
