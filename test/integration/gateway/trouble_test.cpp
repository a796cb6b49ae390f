// Servers that die, clients that cancel, pools that are full.
#include <gmock/gmock.h>

#include <csignal>
#include <future>
#include <thread>

#include "integration/gateway/running_gateway.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

class GatewayTrouble : public testing::TestWithParam<Sharing> {
 protected:
  GatewayTrouble()
      : gateway_(server_,
                 GatewayOptions{.sharing = GetParam(), .size = 1, .wait_most = Millis(500)}) {}
  void await_running(const std::string& query) {
    EXPECT_TRUE(wait_until([&] {
      return server_.query(
                 "select count(*) from pg_stat_activity where state = 'active' and query = '" +
                 query + "'") == "1";
    }));
  }

  PostgresServer server_;
  RunningGateway gateway_;
};

TEST_P(GatewayTrouble, Hazard27ACancelEndsThatQueryAndNoOther) {
  // Goal: hazards 27, 28: by the key the client was given; a wrong key ends nothing; who has the
  // server next is not hit.
  for (int round = 0; round < 10; ++round) {
    Session one(gateway_.conninfo());
    PQsendQuery(one.get(), "select pg_sleep(600)");
    PQflush(one.get());
    await_running("select pg_sleep(600)");
    const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(one.get()),
                                                                    &PQfreeCancel);
    std::array<char, 256> why{};
    ASSERT_EQ(PQcancel(cancel.get(), why.data(), why.size()), 1) << why.data();
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(one.get()), &PQclear);
    EXPECT_STREQ(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE), "57014");
    PQclear(PQgetResult(one.get()));
    for (int next = 0; next < 5; ++next) EXPECT_EQ(one("select 1"), "1");
  }
}

TEST_P(GatewayTrouble, Hazard27WhoCancelsIsToldWhenTheServerHasReadIt) {
  // Goal: hazard 27: the canceller's connection ends when the server has closed the one that
  // cancels there, as PostgreSQL's own: a client that waits for that may ask its next query without
  // fear.
  Session one(gateway_.conninfo());
  PQsendQuery(one.get(), "select pg_sleep(600)");
  PQflush(one.get());
  await_running("select pg_sleep(600)");
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(one.get()),
                                                                  &PQfreeCancel);
  const auto postmaster = server_.pid();
  ASSERT_EQ(::kill(postmaster, SIGSTOP), 0);  // it reads no cancel
  auto told = std::async(std::launch::async, [&] {
    std::array<char, 256> why{};
    return PQcancel(cancel.get(), why.data(), why.size());
  });
  EXPECT_FALSE(wait_until(
      [&] { return told.wait_for(std::chrono::seconds(0)) == std::future_status::ready; },
      Millis(500)));
  ASSERT_EQ(::kill(postmaster, SIGCONT), 0);
  EXPECT_EQ(told.get(), 1);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(one.get()), &PQclear);
  EXPECT_STREQ(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE), "57014");
  PQclear(PQgetResult(one.get()));
}

TEST_P(GatewayTrouble, Hazard28ACancelOfNobodyEndsNothing) {
  // Goal: hazard 28: a query that has ended, a session that has gone.
  auto one = std::make_unique<Session>(gateway_.conninfo());
  (*one)("select 1");
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(one->get()),
                                                                  &PQfreeCancel);
  one.reset();
  Session two(gateway_.conninfo());
  PQsendQuery(two.get(), "select pg_sleep(0.2), 'whole'");
  PQflush(two.get());
  await_running("select pg_sleep(0.2), ''whole''");
  std::array<char, 256> why{};
  static_cast<void>(PQcancel(cancel.get(), why.data(), why.size()));
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(two.get()), &PQclear);
  EXPECT_STREQ(PQgetvalue(result.get(), 0, 1), "whole");
  PQclear(PQgetResult(two.get()));
}

TEST_P(GatewayTrouble, AFullPoolIsToldInTime) {
  // Goal: B4: whoever waits longer than allowed is told what to do, and the others go on.
  Session holder(gateway_.conninfo());
  holder("begin");
  Session waits(gateway_.conninfo());
  EXPECT_EQ(waits.state_of("select 1"), "53300");
  EXPECT_FALSE(waits.alive());
  EXPECT_EQ(holder("select 1"), "1");
  holder("commit");
}

TEST_P(GatewayTrouble, ABackendThatIsTerminatedIsToldAndReplaced) {
  // Goal: hazard 19: the client hears the server's own last words; the next one gets a new server.
  Session one(gateway_.conninfo());
  const auto pid = one("begin; select pg_backend_pid()");
  server_.query("select pg_terminate_backend(" + pid + ")");
  EXPECT_EQ(one.state_of("select 1"), "57P01");
  Session two(gateway_.conninfo());
  EXPECT_EQ(two("select 1"), "1");
}

TEST_P(GatewayTrouble, AnIdleClientOutlivesTheServer) {
  // Goal: B4: who has nothing open does not notice that the server was restarted.
  if (GetParam() == Sharing::Session) GTEST_SKIP() << "a session keeps its server";
  Session one(gateway_.conninfo());
  EXPECT_EQ(one("select 1"), "1");
  server_.restart();
  EXPECT_EQ(one("select 2"), "2");
  server_.kill9();
  server_.await_processes_gone();
  server_.start();
  EXPECT_EQ(one("select 3"), "3");
}

TEST_P(GatewayTrouble, WhoLogsInWhileTheServerIsAwayWaits) {
  // Goal: A1: a login is no reason for an error while there is time.
  server_.stop();
  std::thread back([&] { server_.start(); });
  std::string said;
  ASSERT_TRUE(wait_until([&] {
    said = refusal_of(gateway_.conninfo());
    return said.empty();
  })) << said;
  back.join();
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayTrouble,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& one) {
                           return one.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
