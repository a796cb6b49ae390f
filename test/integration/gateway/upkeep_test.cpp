// Servers that end while nobody uses them.
#include <gtest/gtest.h>

#include <filesystem>

#include "integration/gateway/running_gateway.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

TEST(GatewayUpkeep, Hazard33AServerThatHasEndedIsGivenToNobody) {
  // Goal: hazard 33: an idle connection's end lies unread behind a client's query, in one round;
  // the client is answered by another connection and hears of nothing.
  PostgresServer server;
  RunningGateway gateway(server, {.sharing = Sharing::Transaction, .size = 3});
  Session one(gateway.conninfo());
  Session two(gateway.conninfo());
  for (int round = 0; round < 3; ++round) {
    one("begin");  // two connections, which are idle afterwards
    const auto other = two("select pg_backend_pid()");
    const auto pid = one("select pg_backend_pid()");
    one("commit");
    EXPECT_NE(pid, other);
    server.query("select pg_sleep(0.05)");  // nothing comes to the gateway meanwhile
    gateway.in_one_round([&] {
      PQsendQuery(one.get(), "select 'whole'");
      PQflush(one.get());
      server.query(
          "select pg_terminate_backend(pid) from pg_stat_activity"
          " where backend_type = 'client backend' and pid <> pg_backend_pid()");
      EXPECT_TRUE(wait_until([&] {  // their sockets are closed behind their last words
        return !std::filesystem::exists("/proc/" + pid) &&
               !std::filesystem::exists("/proc/" + other);
      }));
    });
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(one.get()), &PQclear);
    ASSERT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK) << PQerrorMessage(one.get());
    EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "whole");
    PQclear(PQgetResult(one.get()));
  }
}

}  // namespace
}  // namespace pgkeel::test
