// Sessions that share servers: what each sees is what it would see alone.
#include <gmock/gmock.h>

#include <thread>

#include "integration/gateway/running_gateway.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

class GatewayPooling : public testing::TestWithParam<Sharing> {
 protected:
  GatewayPooling() {
    server_.query("create table t (id int primary key, note text)");
    gateway_ =
        std::make_unique<RunningGateway>(server_, GatewayOptions{.sharing = GetParam(), .size = 2});
  }
  [[nodiscard]] bool transaction() const { return GetParam() == Sharing::Transaction; }
  std::string sessions() {
    return server_.query(
        "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        " and pid <> pg_backend_pid()");
  }
  std::size_t servers() {
    return gateway_->seen([](gateway::Worker& worker) {
      std::size_t count = 0;
      for (const auto& [key, pool] : worker.pools()) count += pool->servers();
      return count;
    });
  }
  // What PostgreSQL ends, the asker's own session too, it shows for a moment more.
  void expect_servers_at_most(std::size_t most) {
    EXPECT_LE(servers(), most);
    EXPECT_TRUE(wait_until([&] { return std::stoul(sessions()) <= most; }));
  }

  PostgresServer server_;
  std::unique_ptr<RunningGateway> gateway_;
};

TEST_P(GatewayPooling, QueriesOfEveryKind) {
  // Goal: B4: simple, extended, several statements, errors, COPY both ways, empty queries.
  Session one(gateway_->conninfo());
  EXPECT_EQ(one("select 1; select 2"), "2");
  EXPECT_EQ(one.state_of("select 1 / 0"), "22012");
  EXPECT_EQ(one.state_of("insert into t values (1, 'a'); select 1 / 0"), "22012");
  EXPECT_EQ(one("select count(*) from t"), "0");
  EXPECT_EQ(one.state_of(""), "");
  const char* values[] = {"7", "seven"};
  const std::unique_ptr<PGresult, decltype(&PQclear)> put(
      PQexecParams(one.get(), "insert into t values ($1, $2) returning note", 2, nullptr, values,
                   nullptr, nullptr, 0),
      &PQclear);
  EXPECT_STREQ(PQgetvalue(put.get(), 0, 0), "seven");

  PQclear(PQexec(one.get(), "copy t from stdin"));
  for (int row = 100; row < 1100; ++row) {
    const auto line = std::to_string(row) + "\tcopied\n";
    ASSERT_EQ(PQputCopyData(one.get(), line.data(), static_cast<int>(line.size())), 1);
  }
  ASSERT_EQ(PQputCopyEnd(one.get(), nullptr), 1);
  PQclear(PQgetResult(one.get()));
  PQclear(PQgetResult(one.get()));
  EXPECT_EQ(one("select count(*) from t"), "1001");

  PQclear(PQexec(one.get(), "copy t to stdout"));
  int rows = 0;
  for (char* line = nullptr; PQgetCopyData(one.get(), &line, 0) > 0; ++rows) PQfreemem(line);
  EXPECT_EQ(rows, 1001);
  PQclear(PQgetResult(one.get()));
  PQclear(PQgetResult(one.get()));

  PQclear(PQexec(one.get(), "copy t from stdin"));
  ASSERT_EQ(PQputCopyEnd(one.get(), "changed my mind"), 1);
  PQclear(PQgetResult(one.get()));
  PQclear(PQgetResult(one.get()));
  EXPECT_EQ(one("select count(*) from t"), "1001");
}

TEST_P(GatewayPooling, ManyClientsOverTwoServers) {
  // Goal: B4: more clients than servers: in transaction pooling all are in at once; in session
  // pooling the third waits for one to leave.
  if (transaction()) {
    std::vector<std::unique_ptr<Session>> sessions;
    for (int at = 0; at < 20; ++at)
      sessions.push_back(std::make_unique<Session>(gateway_->conninfo()));
    for (int round = 0; round < 3; ++round)
      for (std::size_t at = 0; at < sessions.size(); ++at)
        EXPECT_EQ((*sessions[at])("select " + std::to_string(at)), std::to_string(at));
    expect_servers_at_most(2);
    return;
  }
  auto one = std::make_unique<Session>(gateway_->conninfo());
  Session two(gateway_->conninfo());
  (*one)("select 1");
  two("select 1");
  Session three(gateway_->conninfo());
  std::thread leaves([&] {
    EXPECT_TRUE(wait_until([&] { return sessions() == "2"; }));
    one.reset();
  });
  EXPECT_EQ(three("select 3"), "3");
  leaves.join();
}

TEST_P(GatewayPooling, Hazard21AClientThatGoesLeavesNothingBehind) {
  // Goal: hazard 21: its transaction is rolled back, its locks are gone, its half message harms
  // nobody, and the server goes on.
  for (int round = 0; round < 5; ++round) {
    {
      Session gone(gateway_->conninfo());
      gone("begin; insert into t values (1, 'never'); lock table t");
    }
    Session next(gateway_->conninfo());
    EXPECT_EQ(next("select count(*) from t"), "0");
    EXPECT_EQ(next.state_of("insert into t values (1, 'x'); delete from t"), "");
  }
  {
    Session running(gateway_->conninfo());
    PQsendQuery(running.get(), "select pg_sleep(600)");
    PQflush(running.get());
    EXPECT_TRUE(wait_until([&] {
      return server_.query(
                 "select count(*) from pg_stat_activity where query ~ '^select pg_sleep'") == "1";
    }));
  }
  EXPECT_TRUE(wait_until([&] {
    return server_.query(
               "select count(*) from pg_stat_activity where state = 'active'"
               " and query ~ '^select pg_sleep'") == "0";
  })) << "nobody waits for its answer: it was cancelled";
}

TEST_P(GatewayPooling, Hazard31WhatASessionSetIsNotTheNextOnes) {
  // Goal: hazards 29 to 31: settings, temporary tables, locks and statements are gone when the next
  // client has the server.
  for (int round = 0; round < 4; ++round) {
    Session one(gateway_->conninfo());
    EXPECT_EQ(one("show work_mem"), "4MB");
    EXPECT_EQ(one("select count(*) from pg_prepared_statements"), "0");
    EXPECT_EQ(one("select count(*) from pg_locks where locktype = 'advisory'"
                  " and pid = pg_backend_pid()"),
              "0");
    EXPECT_EQ(one.state_of("select * from mine"), "42P01");
    one("set work_mem = '7MB'; create temp table mine (id int); prepare p as select 1;"
        "select pg_advisory_lock(1); listen x");
  }
}

TEST_P(GatewayPooling, Hazard29WhatAClientSetIsThereInItsNextTransaction) {
  // Goal: hazards 29, 30: what lives in a session is found again by its client and by nobody else,
  // while another client works in between.
  Session one(gateway_->conninfo());
  Session two(gateway_->conninfo());
  for (const auto* set : {"set work_mem = '9MB'", "select set_config('work_mem', '9MB', false)",
                          "begin; set work_mem = '9MB'; commit"}) {
    one(set);
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(two("show work_mem"), "4MB");
      EXPECT_EQ(one("show work_mem"), "9MB") << set;
    }
    one("reset all");
  }
  one("create temp table mine (id int); insert into mine values (1)");
  one("select pg_advisory_lock(7)");
  one("prepare p as select 'kept'");
  one("begin; declare c cursor with hold for select 'held'; commit");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(two.state_of("select * from mine"), "42P01");
    EXPECT_EQ(two("select pg_try_advisory_lock(7)"), "f");
    EXPECT_EQ(two.state_of("execute p"), "26000");
    EXPECT_EQ(one("select id from mine"), "1");
    EXPECT_EQ(one("execute p"), "kept");
  }
  EXPECT_EQ(one("fetch c"), "held");
  EXPECT_EQ(one("select pg_advisory_unlock(7)"), "t");
}

TEST_P(GatewayPooling, Hazard30ANotificationReachesItsListener) {
  // Goal: hazards 19, 30: LISTEN ties the client to its server; the notification comes to it alone.
  Session one(gateway_->conninfo());
  Session two(gateway_->conninfo());
  one("listen news");
  two("select 1");
  two("notify news, 'hello'");
  ASSERT_TRUE(wait_until([&] {
    PQconsumeInput(one.get());
    auto* told = PQnotifies(one.get());
    const bool here = told != nullptr && told->extra == std::string("hello");
    PQfreemem(told);
    return here;
  }));
  PQconsumeInput(two.get());
  EXPECT_EQ(PQnotifies(two.get()), nullptr);
}

TEST_P(GatewayPooling, Hazard05WhatAClientAsksForAtTheStartItHas) {
  // Goal: hazard 5: options and other settings of the start-up message, application_name too, on
  // whichever server; RESET goes back to them.
  Session one(gateway_->conninfo("user=postgres application_name=first options='-c work_mem=9MB'"));
  Session two(gateway_->conninfo("user=postgres application_name=second client_encoding=latin1"));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(one("show work_mem"), "9MB");
    EXPECT_EQ(one("show application_name"), "first");
    EXPECT_EQ(two("show work_mem"), "4MB");
    EXPECT_EQ(two("show application_name"), "second");
    EXPECT_EQ(two("show client_encoding"), "LATIN1");
    one("set work_mem = '5MB'");
    one("reset work_mem");
  }
  EXPECT_STREQ(PQparameterStatus(two.get(), "client_encoding"), "LATIN1");
  EXPECT_STREQ(PQparameterStatus(two.get(), "application_name"), "second");
}

TEST_P(GatewayPooling, Hazard05SettingsOfAllKindsShareThePoolsSize) {
  // Goal: hazard 5, B4: however many settings clients start with, a database and user have so many
  // servers; an idle one gives way, and what the server refuses is told.
  EXPECT_NE(refusal_of(gateway_->conninfo("user=postgres options='-c nosuch=1'")), "");
  for (int kind = 0; kind < 5; ++kind) {
    Session one(gateway_->conninfo(
        "user=postgres options='-c work_mem=" + std::to_string(kind + 5) + "MB'"));
    EXPECT_EQ(one("show work_mem"), std::to_string(kind + 5) + "MB");
    expect_servers_at_most(2);
  }
}

TEST_P(GatewayPooling, Hazard17ACopyThatFailsWhileTheClientSends) {
  // Goal: hazards 16, 17: megabytes are on their way when the server has given up in the first row;
  // the client is told, goes on, and its server is another's meanwhile.
  Session one(gateway_->conninfo());
  PQclear(PQexec(one.get(), "copy t from stdin"));
  const std::string rows(1U << 20U, 'x');
  for (int part = 0; part < 16; ++part)
    ASSERT_EQ(PQputCopyData(one.get(), rows.data(), static_cast<int>(rows.size())), 1);
  static_cast<void>(PQputCopyEnd(one.get(), nullptr));
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(one.get()), &PQclear);
  EXPECT_EQ(PQresultStatus(result.get()), PGRES_FATAL_ERROR);
  PQclear(PQgetResult(one.get()));
  Session two(gateway_->conninfo());
  EXPECT_EQ(two("select 2"), "2");
  EXPECT_EQ(one("select 1"), "1");
}

TEST_P(GatewayPooling, Hazard29ALongUnnamedStatementTiesToo) {
  // Goal: hazard 29: what a statement of more than is kept does to its session is read all the
  // same.
  Session one(gateway_->conninfo());
  Session two(gateway_->conninfo());
  const auto sql =
      "select set_config('work_mem', '9MB', false), '" + std::string(20'000, 'x') + "'";
  PQclear(PQexecParams(one.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(two("show work_mem"), "4MB");
    EXPECT_EQ(one("show work_mem"), "9MB");
  }
}

TEST_P(GatewayPooling, Hazard22PreparedStatementsFollowTheClient) {
  // Goal: hazard 22: prepared once, used on whichever server is there.
  Session one(gateway_->conninfo());
  Session two(gateway_->conninfo());
  PQclear(PQprepare(one.get(), "s", "select $1::int + 1", 1, nullptr));
  PQclear(PQprepare(two.get(), "s", "select $1::int + 2", 1, nullptr));
  for (int round = 0; round < 20; ++round) {
    // Its own transaction keeps a server, so that the other has to take the other one.
    if (transaction() && round % 2 == 0) one("begin");
    const auto value = std::to_string(round);
    const char* values[] = {value.c_str()};
    for (auto* session : {&two, &one}) {
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(
          PQexecPrepared(session->get(), "s", 1, values, nullptr, nullptr, 0), &PQclear);
      ASSERT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK)
          << PQresultErrorMessage(result.get());
      EXPECT_EQ(PQgetvalue(result.get(), 0, 0), std::to_string(round + (session == &one ? 1 : 2)));
    }
    if (transaction() && round % 2 == 0) one("commit");
  }
  EXPECT_EQ(one.state_of("deallocate all"), "");
  const char* values[] = {"1"};
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexecPrepared(one.get(), "s", 1, values, nullptr, nullptr, 0), &PQclear);
  EXPECT_STREQ(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE), "26000") << "hazard 25";
}

TEST_P(GatewayPooling, Hazard16ALargeResultToASlowClient) {
  // Goal: hazards 15, 16: a result far larger than every buffer comes whole, while the client reads
  // late, and another client is served meanwhile.
  Session slow(gateway_->conninfo());
  PQsendQuery(slow.get(), "select repeat(md5(g::text), 400) from generate_series(1, 5000) g");
  PQflush(slow.get());
  Session quick(gateway_->conninfo());
  EXPECT_EQ(quick("select 1"), "1");
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(slow.get()), &PQclear);
  EXPECT_EQ(PQntuples(result.get()), 5000);
  const auto expected = server_.query("select repeat(md5('4999'), 400)");
  EXPECT_EQ(PQgetvalue(result.get(), 4998, 0), expected);
  PQclear(PQgetResult(slow.get()));
}

TEST_P(GatewayPooling, Hazard15AMessageLargerThanAnyBuffer) {
  // Goal: hazard 15: a parameter of megabytes passes, whole, both ways.
  Session one(gateway_->conninfo());
  const std::string large(8U << 20U, 'x');
  const char* values[] = {large.c_str()};
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexecParams(one.get(), "select md5($1), $1", 1, nullptr, values, nullptr, nullptr, 0),
      &PQclear);
  ASSERT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK) << PQerrorMessage(one.get());
  EXPECT_EQ(PQgetvalue(result.get(), 0, 1), large);
}

TEST_P(GatewayPooling, Hazard09APipeline) {
  // Goal: hazards 9, 11: libpq's pipeline, an error in its midst, everything answered in order.
  Session one(gateway_->conninfo());
  ASSERT_EQ(PQenterPipelineMode(one.get()), 1);
  for (int at = 0; at < 50; ++at) {
    const auto sql = at == 20 ? std::string("select 1 / 0") : "select " + std::to_string(at);
    ASSERT_EQ(PQsendQueryParams(one.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0),
              1);
    if (at % 10 == 9) ASSERT_EQ(PQpipelineSync(one.get()), 1);
  }
  std::string seen;
  int syncs = 0;
  while (syncs < 5) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(one.get()), &PQclear);
    if (!result) continue;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) ++syncs;
    else if (status == PGRES_TUPLES_OK) seen += PQgetvalue(result.get(), 0, 0) + std::string(" ");
    else if (status == PGRES_PIPELINE_ABORTED) seen += "- ";
    else seen += "error ";
  }
  std::string expected;
  for (int at = 0; at < 50; ++at)
    expected += at == 20 ? "error " : at > 20 && at < 30 ? "- " : std::to_string(at) + " ";
  EXPECT_EQ(seen, expected);
  ASSERT_EQ(PQexitPipelineMode(one.get()), 1);
  EXPECT_EQ(one("select 1"), "1");
}

TEST_P(GatewayPooling, PgbenchInEveryMode) {
  // Goal: B4: a load of every protocol, and what it counted is in the tables.
  const auto pgbench = (server_.bin_dir() / "pgbench").string();
  const auto output = server_.temp_dir() / "pgbench.log";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), pgbench);
    for (const auto& word : {"-h", "127.0.0.1", "-U", "postgres", "postgres", "-p"})
      words.emplace_back(word);
    words.push_back(std::to_string(gateway_->port()));
    run_child(words, output);
  };
  run({"-i", "-q"});
  int expected = 0;
  for (const auto* mode : {"simple", "extended", "prepared"}) {
    // pgbench prepares while it waits for nothing else: with more clients than servers it would
    // wait for itself.
    const bool many = transaction() && mode != std::string("prepared");
    const std::string clients = many ? "16" : "2";
    run({"-n", "-M", mode, "-c", clients, "-t", "50"});
    expected += std::stoi(clients) * 50;
    EXPECT_EQ(server_.query("select count(*) from pgbench_history"), std::to_string(expected));
    if (transaction()) run({"-n", "-S", "-M", mode, "-c", "16", "-t", "100"});
  }
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayPooling,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& one) {
                           return one.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
