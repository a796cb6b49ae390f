// Servers that die, clients that cancel, pools that are full.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>

#include <csignal>
#include <future>
#include <thread>

#include "integration/gateway/login_socket.hpp"
#include "integration/gateway/running_gateway.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/startup.hpp"
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

TEST_P(GatewayTrouble, Hazard27ACancelOfWhatWaitsIsAnswered) {
  // Goal: hazard 27: what no server was given yet is answered as the server would, and the client
  // goes on; what it said behind that waits on.
  const RunningGateway patient(server_, GatewayOptions{.sharing = GetParam(), .size = 1});
  auto holder = std::make_unique<Session>(patient.conninfo());
  (*holder)("begin");
  Session waits(patient.conninfo());
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(waits.get()),
                                                                  &PQfreeCancel);
  const auto next = [&] {
    return std::unique_ptr<PGresult, decltype(&PQclear)>(PQgetResult(waits.get()), &PQclear);
  };
  // Until it comes: the gateway may not have read the query yet.
  const auto cancelled = [&] {
    EXPECT_TRUE(wait_until([&] {
      std::array<char, 256> why{};
      static_cast<void>(PQcancel(cancel.get(), why.data(), why.size()));
      return PQconsumeInput(waits.get()) == 1 && PQisBusy(waits.get()) == 0;
    }));
    const auto result = next();
    const char* state = result ? PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) : nullptr;
    return std::string(state == nullptr ? "" : state);
  };
  PQsendQuery(waits.get(), "select 1");
  EXPECT_EQ(cancelled(), "57014");
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(PQtransactionStatus(waits.get()), PQTRANS_IDLE);
  PQsendQueryParams(waits.get(), "select 1", 0, nullptr, nullptr, nullptr, nullptr, 0);
  EXPECT_EQ(cancelled(), "57014");
  EXPECT_EQ(next(), nullptr);

  ASSERT_EQ(PQenterPipelineMode(waits.get()), 1);
  for (const auto* sql : {"select 'first'", "select 'second'"}) {
    PQsendQueryParams(waits.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQpipelineSync(waits.get());
  }
  PQflush(waits.get());
  holder.reset();
  std::string seen;
  for (int syncs = 0; syncs < 2;) {
    const auto result = next();
    if (!result) continue;
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) ++syncs;
    else seen += PQgetvalue(result.get(), 0, 0) + std::string(" ");
  }
  EXPECT_EQ(seen, "first second ");
}

TEST_P(GatewayTrouble, WhatASlowClientHasNotTakenComesBeforeTheEnd) {
  // Goal: B4: a result that is complete comes whole, and then the server's last words, when the
  // server ends in between; at every size the buffers on the way may hold.
  constexpr std::size_t kStepRows = 20;  // of 10 kB
  std::size_t sizes = 0;
  for (std::size_t rows = kStepRows;; rows += kStepRows, ++sizes) {
    Session slow(gateway_.conninfo());
    // Between two queries libpq takes an error for a notice.
    std::string last_words;
    const auto keep = [](void* into, const PGresult* result) {
      *static_cast<std::string*>(into) = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    };
    PQsetNoticeReceiver(slow.get(), keep, &last_words);
    const int small = 128 << 10;  // below a segment every window would wait for a timer
    ::setsockopt(PQsocket(slow.get()), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const auto pid = slow("begin; select pg_backend_pid()");
    PQsendQuery(slow.get(),
                ("select repeat('x', 10000) from generate_series(1, " + std::to_string(rows) + ")")
                    .c_str());
    PQflush(slow.get());
    // It calls itself idle before it has sent the last of it.
    const bool complete = wait_until(
        [&] {
          return server_.query(
                     "select state || wait_event from pg_stat_activity"
                     " where query ~ '^select repeat' and pid = " +
                     pid) == "idle in transactionClientRead";
        },
        Millis(1'000));
    server_.query("select pg_terminate_backend(" + pid + ")");
    EXPECT_TRUE(wait_until([&] {
      return server_.query("select count(*) from pg_stat_activity where pid = " + pid) == "0";
    }));
    if (!complete) break;  // more than is kept for anybody
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(slow.get()), &PQclear);
    ASSERT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK)
        << rows << ": " << PQresultErrorMessage(result.get());
    EXPECT_EQ(PQntuples(result.get()), static_cast<int>(rows));
    while (PGresult* more = PQgetResult(slow.get())) PQclear(more);
    // Read after libpq has sent the query, they are its answer.
    const auto state = slow.state_of("select 1");
    EXPECT_EQ(last_words.empty() ? state : last_words, "57P01") << rows;
    EXPECT_FALSE(slow.alive());
  }
  EXPECT_GT(sizes, 2U);
}

TEST_P(GatewayTrouble, AMessageThatBreaksOffIsNotEndedByOurWords) {
  // Goal: a row of which the server has sent a part when it goes, or when the gateway ends the
  // session, stays a part: what the gateway has to say would be taken for the rest of the row.
  for (const bool server_goes : {true, false}) {
    auto slow = LoginSocket::connected(gateway_.port());
    pg::wire::ByteBuffer out;
    pg::wire::append_startup(
        out, {},
        std::vector<pg::wire::StartupParameter>{{"user", "postgres"}, {"database", "postgres"}});
    pg::wire::frontend::append(out, pg::wire::frontend::Query{"select repeat('x', 100000000)"});
    slow.send(out);
    std::string pid;
    ASSERT_TRUE(wait_until([&] {
      pid = server_.query(
          "select coalesce(max(pid)::text, '') from pg_stat_activity where"
          " query ~ '^select repeat.*0000000' and wait_event = 'ClientWrite'");
      return !pid.empty();
    }));
    if (server_goes) server_.query("select pg_terminate_backend(" + pid + ")");
    else Session(gateway_.conninfo("user=postgres dbname=pgkeel"))("kill postgres");
    const auto said = last_words(slow);
    EXPECT_THAT(said, testing::HasSubstr("xxx"));
    EXPECT_THAT(said, testing::EndsWith("xxx"));
    EXPECT_LT(said.size(), 100'000'000U);
  }
}

TEST_P(GatewayTrouble, WhyNoServerIsThereIsTold) {
  // Goal: B4: who waits in vain hears why, and not that the pool is full: nobody listens there, or
  // the server's own words.
  Session direct(server_.conninfo());
  Session one(gateway_.conninfo());
  direct(
      "select pg_terminate_backend(pid) from pg_stat_activity"
      " where backend_type = 'client backend' and pid <> pg_backend_pid()");
  ::kill(server_.pid(), SIGTERM);  // it waits for the direct session, and lets nobody in
  const auto told = [&] {
    Session next(gateway_.conninfo());
    return next.state_of("select 1");
  };
  EXPECT_TRUE(wait_until([&] { return told() == "57P03"; }));
  server_.stop();
  EXPECT_TRUE(wait_until([&] { return told() == "08006"; }));  // what was tried last
  EXPECT_EQ(one.state_of("select 1"), "08006");
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayTrouble,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& one) {
                           return one.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
