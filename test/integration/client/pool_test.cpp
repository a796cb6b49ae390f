// The pool's limits and its distrust of connections that may be dead.
#include "client/pool.hpp"

#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

class PoolTest : public ClientTest {
 protected:
  DbResult<Pool::Lease> acquire(Pool& pool, Millis patience = test::kPatience) {
    return loop.run_until_complete(pool.acquire(loop.after(patience)));
  }
  pg::Conninfo info() { return parse(server.conninfo()); }
  std::string backends() {
    return server.query("select count(*) from pg_stat_activity where application_name = 'pgkeel'");
  }
};

TEST_F(PoolTest, ReusesConnections) {
  // Goal: B4 - a returned connection is handed out again instead of a new login.
  Pool pool(loop, info(), {});
  pid_t first = 0;
  {
    const auto lease = acquire(pool);
    first = (**lease).backend_pid();
    EXPECT_EQ(pool.metrics().active, 1U);
  }
  EXPECT_EQ(pool.metrics().idle, 1U);
  const auto again = acquire(pool);
  EXPECT_EQ((**again).backend_pid(), first);
  EXPECT_EQ(pool.metrics().created, 1U);
}

TEST_F(PoolTest, HoldsItsSizeAndTimesOut) {
  // Goal: B4 - never more than `size` connections; who waits in vain is told so at its deadline.
  Pool pool(loop, info(), {.size = 2});
  {
    const auto one = acquire(pool);
    const auto two = acquire(pool);
    const auto three = acquire(pool, Millis(50));
    ASSERT_FALSE(three.has_value());
    EXPECT_EQ(three.error().error.code, ErrorCode::TimedOut);
    EXPECT_EQ(three.error().outcome, Outcome::NotApplied);
    EXPECT_EQ(backends(), "2");
    EXPECT_EQ(pool.metrics().timeouts, 1U);
    EXPECT_EQ(pool.borrows().size(), 2U);
    EXPECT_NE(std::string(pool.borrows().front().where.file_name()).find("pool_test"),
              std::string::npos);
  }
  EXPECT_TRUE(acquire(pool).has_value());
}

TEST_F(PoolTest, RefusesTooManyWaiters) {
  // Goal: B4 - the line of waiters is bounded; the next one is refused at once.
  Pool pool(loop, info(), {.size = 1, .waiters_max = 0});
  const auto one = acquire(pool);
  const auto two = acquire(pool);
  ASSERT_FALSE(two.has_value());
  EXPECT_EQ(two.error().error.code, ErrorCode::PoolExhausted);
  EXPECT_EQ(pool.metrics().rejected, 1U);
}

TEST_F(PoolTest, NamesWhoHoldsAConnectionTooLong) {
  // Goal: B14 - when others have to wait, the place that holds a connection is counted and known.
  Pool pool(loop, info(), {.size = 1, .overdue_after = Millis(0)});
  const auto held = acquire(pool);
  EXPECT_FALSE(acquire(pool, Millis(20)).has_value());
  EXPECT_FALSE(acquire(pool, Millis(20)).has_value());
  EXPECT_EQ(pool.metrics().overdue, 1U);
}

TEST_F(PoolTest, ReplacesExpiredConnections) {
  // Goal: B4 - recycle: a connection past its lifetime is not handed out again.
  Pool pool(loop, info(), {.lifetime = Millis(1), .lifetime_jitter = 0.0});
  acquire(pool).value();
  const SteadyTime later = loop.after(Millis(5));
  loop.run_until_complete(loop.sleep_until(later)).value();
  acquire(pool).value();
  EXPECT_EQ(pool.metrics().created, 2U);
  EXPECT_GE(pool.metrics().expired, 1U);
}

TEST_F(PoolTest, AClosedSocketIsNeverHandedOut) {
  // Goal: B4 A3 - after a restart every acquire still yields a working connection.
  Pool pool(loop, info(), {.size = 3});
  {
    const auto one = acquire(pool);
    const auto two = acquire(pool);
    const auto three = acquire(pool);
  }
  EXPECT_EQ(pool.metrics().idle, 3U);
  server.restart();
  auto lease = acquire(pool);
  ASSERT_TRUE(lease.has_value()) << lease.error().message();
  EXPECT_EQ(value(**lease, "select 1"), "1");
  EXPECT_GE(pool.metrics().evicted, 1U);
  expect_served();
}

TEST_F(PoolTest, ASilentConnectionFailsItsPing) {
  // Goal: B4 - pre-ping: a connection whose network swallows everything is replaced in time.
  test::Gate gate(server.port());
  Pool pool(loop, parse(gate.conninfo()), {.ping_after = Millis(0), .ping_timeout = Millis(100)});
  acquire(pool).value();
  gate.arm("Q", test::GateAction::StallRequest);
  const auto lease = acquire(pool);
  ASSERT_TRUE(lease.has_value()) << lease.error().message();
  EXPECT_TRUE(gate.sprung());
  EXPECT_EQ(pool.metrics().created, 2U);
  EXPECT_EQ(pool.metrics().evicted, 1U);
  expect_served();
}

TEST_F(PoolTest, OneLossDistrustsTheWholeHost) {
  // Goal: A3 - one killed session empties the pool of that host, lent-out ones when they return.
  Pool pool(loop, info(), {.size = 3});
  {
    auto one = acquire(pool);
    auto two = acquire(pool);
    {
      const auto three = acquire(pool);
    }
    EXPECT_EQ(pool.metrics().idle, 1U);
    server.query("select pg_terminate_backend(" + std::to_string((**one).backend_pid()) + ")");
    EXPECT_FALSE(query(**one, "select pg_sleep(5)").has_value());
    {
      const auto gone = std::move(one);
    }
    EXPECT_EQ(pool.metrics().idle, 0U);
    EXPECT_EQ(value(**two, "select 1"), "1");
  }
  EXPECT_EQ(pool.metrics().idle, 0U);
  EXPECT_TRUE(acquire(pool).has_value());
  expect_served();
}

TEST_F(PoolTest, AnOpenTransactionDoesNotComeBack) {
  // Goal: B4 - a dirty connection is closed, and the server rolls its transaction back.
  Pool pool(loop, info(), {});
  server.query("create table t (n int)");
  {
    auto lease = acquire(pool);
    query(**lease, "begin").value();
    query(**lease, "insert into t values (1)").value();
  }
  EXPECT_EQ(pool.metrics().idle, 0U);
  EXPECT_EQ(pool.metrics().evicted, 1U);
  EXPECT_EQ(server.query("select count(*) from t"), "0");
}

TEST_F(PoolTest, InvalidateAllClosesWhatIsIdle) {
  // Goal: after a failover the pool forgets every session at once.
  Pool pool(loop, info(), {});
  acquire(pool).value();
  pool.invalidate_all();
  EXPECT_EQ(pool.metrics().idle, 0U);
  EXPECT_TRUE(test::wait_until([this] { return backends() == "0"; }));
}

TEST_F(PoolTest, ALeaseMayOutliveItsPool) {
  // Goal: destroying the pool while a connection is lent out is safe.
  std::optional<Pool::Lease> lease;
  {
    Pool pool(loop, info(), {});
    lease.emplace(*acquire(pool));
  }
  EXPECT_EQ(value(**lease, "select 1"), "1");
  lease.reset();
  EXPECT_TRUE(test::wait_until([this] { return backends() == "0"; }));
}

TEST_F(PoolTest, AFailedLoginGivesItsPlaceBack) {
  // Goal: errors of the login reach the caller and cost no place in the pool.
  Pool pool(loop, parse(server.conninfo("nope")), {.size = 1});
  for (int attempt = 0; attempt < 3; ++attempt)
    EXPECT_EQ(acquire(pool).error().sqlstate(), "3D000");
  EXPECT_EQ(pool.metrics().connect_failures, 3U);
  EXPECT_EQ(pool.metrics().active, 0U);
}

}  // namespace
}  // namespace pgkeel::client
