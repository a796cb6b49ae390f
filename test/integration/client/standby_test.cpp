// Primaries, standbys and promotions: which host is chosen, and whose word about a COMMIT counts.
#include <fstream>
#include <optional>

#include "client/retry.hpp"
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

/// A primary and a hot standby that has all its data up to now and follows nobody.
class StandbyTest : public ClientTest {
 protected:
  StandbyTest() {
    server.query("create table t (n int)");
    server.stop();
    standby.emplace(
        test::PostgresOptions{.start = test::FirstStart::No, .copy_of = server.data_dir()});
    std::ofstream(standby->data_dir() / "standby.signal").close();
    standby->start();
    server.start();
  }
  std::string both(const std::string& attributes = {}) {
    return "host=127.0.0.1,127.0.0.1 port=" + std::to_string(standby->port()) + "," +
           std::to_string(server.port()) + " user=postgres dbname=postgres " + attributes;
  }
  std::string place(const test::PostgresServer& of) {
    return "127.0.0.1:" + std::to_string(of.port());
  }
  // An Unknown commit on the primary, with its proof.
  DbError lose_commit() {
    test::Gate gate(server.port());
    Connection connection = open(gate.conninfo());
    auto transaction = loop.run_until_complete(Transaction::begin(&connection, {}, soon()));
    loop.run_until_complete(transaction->query("insert into t values (1)", {}, soon())).value();
    gate.arm("commit", test::GateAction::CutAnswer);
    return loop.run_until_complete(transaction->commit(soon())).error();
  }

  std::optional<test::PostgresServer> standby;
};

TEST_F(StandbyTest, TheWantedRoleChoosesTheHost) {
  // Goal: D14 - target_session_attrs works over several hosts, prefer-standby with its second look.
  EXPECT_EQ(open(both()).host(), place(*standby));
  EXPECT_EQ(open(both("target_session_attrs=read-write")).host(), place(server));
  EXPECT_EQ(open(both("target_session_attrs=primary")).host(), place(server));
  EXPECT_EQ(open(both("target_session_attrs=standby")).host(), place(*standby));
  EXPECT_EQ(open(both("target_session_attrs=prefer-standby")).host(), place(*standby));
  standby->stop();
  EXPECT_EQ(open(both("target_session_attrs=prefer-standby")).host(), place(server));
  EXPECT_FALSE(try_open(both("target_session_attrs=standby")).has_value());
}

TEST_F(StandbyTest, AWriteOnAStandbyIsWrongNode) {
  // Goal: D14 - 25006 is not applied, may be retried, and makes the pool forget that host.
  Pool pool(loop, parse(standby->conninfo()), {});
  {
    auto lease = loop.run_until_complete(pool.acquire(soon()));
    const auto written = query(**lease, "insert into t values (1)");
    EXPECT_EQ(sqlstate_of(written), "25006");
    EXPECT_EQ(written.error().outcome, Outcome::NotApplied);
    EXPECT_EQ(written.error().policy().connection, pg::ConnectionFate::NextHost);
    EXPECT_TRUE((**lease).usable());
  }
  EXPECT_EQ(pool.metrics().idle, 0U);
  expect_served();
}

TEST_F(StandbyTest, OnlyThePrimaryTestifies) {
  // Goal: X7 - a standby that lacks the transaction is not asked about it; the primary is.
  const DbError lost = lose_commit();
  const auto verdict =
      loop.run_until_complete(resolve_commit(&loop, parse(both()), *lost.proof, soon()));
  EXPECT_EQ(verdict.outcome, Outcome::Applied);
  const auto alone = loop.run_until_complete(
      resolve_commit(&loop, parse(standby->conninfo()), *lost.proof, loop.after(Millis(300))));
  EXPECT_EQ(alone.outcome, Outcome::Unknown);
}

TEST_F(StandbyTest, APromotedStandbyProvesNothing) {
  // Goal: X7 - after a lossy failover the same id belongs to other work; it stays Unknown.
  const DbError lost = lose_commit();
  server.stop(test::Shutdown::Immediate);
  standby->query("select pg_promote()");
  standby->query("insert into t values (2)");
  const auto verdict = loop.run_until_complete(
      resolve_commit(&loop, parse(both()), *lost.proof, loop.after(Millis(2'000))));
  EXPECT_EQ(verdict.outcome, Outcome::Unknown);
  EXPECT_EQ(standby->query("select count(*) from t where n = 1"), "0");
}

}  // namespace
}  // namespace pgkeel::client
