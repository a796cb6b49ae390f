// The same promises over TLS, where bytes may wait inside libpq instead of in the socket.
#include "integration/client/client_test.hpp"
#include "support/child.hpp"

namespace pgkeel::client {
namespace {

class TlsTest : public ClientTest {
 protected:
  TlsTest() : ClientTest({.start = test::FirstStart::No}) {
    const std::string key = (server.data_dir() / "server.key").string();
    const std::string certificate = (server.data_dir() / "server.crt").string();
    test::run_child({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "1", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate},
                    server.temp_dir() / "openssl.log");
    server.append_config("ssl = on\n");
    server.start();
  }
  std::string secure(const std::string& rest = "user=postgres") {
    return "host=127.0.0.1 sslmode=require dbname=postgres port=" + std::to_string(server.port()) +
           " " + rest;
  }
};

TEST_F(TlsTest, LargeAnswersArriveWhole) {
  // Goal: megabytes over TLS arrive, and the session is encrypted.
  Connection connection = open(secure());
  EXPECT_EQ(value(connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t");
  const std::string big(6U << 20U, 'y');
  const auto rows = query(connection, "select $1::text", {big});
  ASSERT_TRUE(rows.has_value()) << rows.error().message();
  EXPECT_EQ(rows->text(0, 0), big);
}

TEST_F(TlsTest, DeadlinesAndCancelsHold) {
  // Goal: a slow query is cancelled and the connection kept; a stopped backend hangs nobody.
  Connection connection = open(secure());
  const auto slow =
      loop.run_until_complete(connection.query("select pg_sleep(60)", {}, loop.after(Millis(100))));
  EXPECT_EQ(slow.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(value(connection, "select 1"), "1");
  const Stopped hung(connection.backend_pid());
  const auto silent =
      loop.run_until_complete(connection.query("select 1", {}, loop.after(Millis(100))));
  EXPECT_EQ(silent.error().error.code, ErrorCode::TimedOut);
  EXPECT_FALSE(connection.usable());
}

TEST_F(TlsTest, AnIdleSessionsDeathIsAnEvent) {
  // Goal: D1 - the server's farewell is read through TLS too.
  Connection connection = open(secure());
  server.query("select pg_terminate_backend(" + std::to_string(connection.backend_pid()) + ")");
  const auto lost = loop.run_until_complete(connection.wait_lost(soon()));
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->sqlstate(), "57P01");
}

TEST_F(TlsTest, TheFirstOfTwoRefusalsIsKept) {
  // Goal: B11 - libpq tries again without TLS; the reason given over TLS is the real one.
  server.query("create role secretive login password 'right'");
  server.set_hba(
      "hostssl all secretive 127.0.0.1/32 scram-sha-256\n"
      "host all postgres 127.0.0.1/32 trust\n");
  const std::string wrong =
      "host=127.0.0.1 sslmode=prefer dbname=postgres user=secretive "
      "password=wrong port=" +
      std::to_string(server.port());
  EXPECT_TRUE(test::wait_until([&] { return sqlstate_of(try_open(wrong)) == "28P01"; }));
  EXPECT_TRUE(try_open(secure("user=secretive password=right")).has_value());
}

}  // namespace
}  // namespace pgkeel::client
