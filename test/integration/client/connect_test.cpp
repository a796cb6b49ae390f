// Logins that fail, and the SQLSTATE libpq does not hand out; several hosts; names.
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

using ConnectTest = ClientTest;

TEST_F(ConnectTest, MissingDatabaseIs3D000) {
  // Goal: C1 - a missing database is told apart from a missing server.
  const auto refused = try_open(server.conninfo("nope"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().sqlstate(), "3D000");
  EXPECT_EQ(refused.error().error.code, ErrorCode::NotFound);
  EXPECT_EQ(refused.error().phase, Phase::Connect);
  EXPECT_EQ(refused.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(refused.error().host, "127.0.0.1:" + std::to_string(server.port()));
  expect_served();
}

TEST_F(ConnectTest, WrongPasswordIs28P01AndNoEntryIs28000) {
  // Goal: B11 - a wrong role or password is named as such and never looks like an outage.
  server.query("create role secretive login password 'right'");
  server.set_hba(
      "host all secretive 127.0.0.1/32 scram-sha-256\n"
      "host all stranger 127.0.0.1/32 reject\n"
      "host all all 127.0.0.1/32 trust\n");
  const std::string base = "host=127.0.0.1 port=" + std::to_string(server.port());
  const auto right = base + " dbname=postgres user=secretive password=right";
  ASSERT_TRUE(test::wait_until([&] {
    return sqlstate_of(try_open(base + " dbname=postgres user=secretive password=wrong")) ==
           "28P01";
  }));
  EXPECT_TRUE(try_open(right).has_value());
  const auto without = try_open(base + " dbname=postgres user=secretive");
  EXPECT_EQ(without.error().error.code, ErrorCode::AuthFailed);
  const auto wrong = try_open(base + " dbname=postgres user=secretive password=wrong");
  EXPECT_EQ(wrong.error().error.code, ErrorCode::AuthFailed);
  EXPECT_EQ(wrong.error().message().find("wrong"), std::string::npos);
  const auto stranger = try_open(base + " dbname=postgres user=stranger");
  EXPECT_EQ(stranger.error().sqlstate(), "28000");
  EXPECT_EQ(stranger.error().error.code, ErrorCode::AuthFailed);
  expect_served();
}

TEST_F(ConnectTest, AServerThatShutsDownIs57P03) {
  // Goal: D1 - a server that refuses for the moment is told apart from one that is gone.
  Connection holding = open();
  ::kill(server.pid(), SIGTERM);
  ASSERT_TRUE(test::wait_until([&] {
    const auto refused = try_open(server.conninfo());
    return !refused && refused.error().sqlstate() == "57P03";
  }));
  const auto refused = try_open(server.conninfo());
  EXPECT_EQ(refused.error().error.code, ErrorCode::ConnectionFailed);
  EXPECT_EQ(refused.error().policy().retry, pg::SqlstateRetry::Yes);
  holding.close();
  server.await_processes_gone();
  const auto gone = try_open(server.conninfo());
  EXPECT_EQ(gone.error().sqlstate(), "");
  EXPECT_EQ(gone.error().error.code, ErrorCode::ConnectionFailed);
  server.start();
  expect_served();
}

class FullServerTest : public ClientTest {
 protected:
  FullServerTest()
      : ClientTest({.settings = {{"max_connections", "2"},
                                 {"superuser_reserved_connections", "0"},
                                 {"autovacuum", "off"}}}) {}
};

TEST_F(FullServerTest, NoSlotLeftIs53300) {
  // Goal: D9 - exhausted connections are named by SQLSTATE, and a free slot ends it.
  Connection first = open();
  {
    Connection second = open();
    const auto refused = try_open(server.conninfo());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().sqlstate(), "53300");
    EXPECT_EQ(refused.error().error.code, ErrorCode::ConnectionFailed);
  }
  expect_served();
}

TEST_F(ConnectTest, ASilentHostCostsItsShareOfTheDeadlineOnly) {
  // Goal: B4 - with several hosts the deadline is one, and a hung first host does not eat it all.
  const test::PostgresServer other;
  const Stopped hung(server.pid());
  const std::string both = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(server.port()) + "," +
                           std::to_string(other.port()) + " user=postgres dbname=postgres";
  const SteadyTime began = loop.now();
  const auto connection = try_open(both, Millis(2000));
  ASSERT_TRUE(connection.has_value()) << connection.error().message();
  EXPECT_EQ(connection->host(), "127.0.0.1:" + std::to_string(other.port()));
  EXPECT_LT(millis(loop.now() - began), Millis(1900));
}

TEST_F(ConnectTest, TheAnswerOfAServerIsKeptOverTheSilenceOfAnother) {
  // Goal: of several failures the one a server gave a reason for is reported.
  Connection holding = open();
  ::kill(server.pid(), SIGTERM);
  const std::string both = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(server.port()) + "," +
                           std::to_string(test::free_port()) + " user=postgres dbname=postgres";
  EXPECT_TRUE(test::wait_until([&] { return sqlstate_of(try_open(both)) == "57P03"; }));
  holding.close();
  server.await_processes_gone();
  server.start();
  expect_served();
}

TEST_F(ConnectTest, NamesAreResolvedOffTheLoop) {
  // Goal: a host name works, an unknown one fails with a reason instead of a hang.
  const std::string port = " port=" + std::to_string(server.port());
  EXPECT_TRUE(try_open("host=localhost user=postgres dbname=postgres" + port).has_value());
  const auto unknown = try_open("host=no-such-host.invalid user=postgres dbname=postgres" + port);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().error.detail.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(ConnectTest, UnixSocketsWork) {
  // Goal: the local socket is a host like any other, cancels included.
  Connection connection =
      open("host=" + server.socket_dir().string() + " port=" + std::to_string(server.port()) +
           " user=postgres dbname=postgres");
  EXPECT_EQ(value(connection, "select 1"), "1");
  const auto slow =
      loop.run_until_complete(connection.query("select pg_sleep(60)", {}, loop.after(Millis(100))));
  EXPECT_EQ(slow.error().error.code, ErrorCode::TimedOut);
  EXPECT_TRUE(connection.usable());
}

TEST_F(ConnectTest, StartupSettingsReachTheServer) {
  // Goal: settings given at start-up are in force, a value with spaces included.
  ConnectOptions options;
  options.deadline = loop.after(test::kPatience);
  options.settings = {{"statement_timeout", "1234ms"}, {"search_path", "\"a b\", public"}};
  auto connection =
      loop.run_until_complete(Connection::open(loop, parse(server.conninfo()), std::move(options)));
  ASSERT_TRUE(connection.has_value()) << connection.error().message();
  EXPECT_EQ(value(*connection, "show statement_timeout"), "1234ms");
  EXPECT_EQ(value(*connection, "show search_path"), "\"a b\", public");
  EXPECT_EQ(value(*connection, "show application_name"), "pgkeel");
}

TEST_F(ConnectTest, AStopRequestEndsALogin) {
  // Goal: a login under way ends at once when its owner stops.
  const Stopped hung(server.pid());
  std::stop_source stop;
  ConnectOptions options;
  options.deadline = loop.after(test::kPatience);
  options.stop = stop.get_token();
  loop.post([&stop] { stop.request_stop(); });
  const auto connection =
      loop.run_until_complete(Connection::open(loop, parse(server.conninfo()), std::move(options)));
  ASSERT_FALSE(connection.has_value());
  EXPECT_EQ(connection.error().error.code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace pgkeel::client
