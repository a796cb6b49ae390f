// Statements that servers are shared with: prepared, changed under way, prepared transactions.
#include <gmock/gmock.h>

#include "integration/gateway/running_gateway.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;
using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

class GatewayStatements : public testing::TestWithParam<Sharing> {
 protected:
  GatewayStatements()
      : server_(PostgresOptions{.settings = {{"max_prepared_transactions", "5"}}}),
        gateway_(server_, GatewayOptions{.sharing = GetParam(), .size = 3}) {}
  [[nodiscard]] bool transaction() const { return GetParam() == Sharing::Transaction; }
  static Answer prepare(const Session& session, const char* name, const char* sql,
                        std::vector<::Oid> types = {}) {
    return {PQprepare(session.get(), name, sql, static_cast<int>(types.size()), types.data()),
            &PQclear};
  }
  /// The columns and the first value, or the SQLSTATE.
  static std::string execute(const Session& session, const char* name,
                             const char* value = nullptr) {
    const Answer result(
        PQexecPrepared(session.get(), name, value == nullptr ? 0 : 1, &value, nullptr, nullptr, 0),
        &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
      return PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return std::to_string(PQnfields(result.get())) + ":" + PQgetvalue(result.get(), 0, 0);
  }

  PostgresServer server_;
  RunningGateway gateway_;
};

TEST_P(GatewayStatements, Hazard23AFailedParseIsNotKept) {
  // Goal: hazard 23: its name is free, the same text is asked anew once its table is there, by
  // whichever client.
  const Session one(gateway_.conninfo());
  const Session two(gateway_.conninfo());
  for (const auto* session : {&one, &two})
    EXPECT_STREQ(
        PQresultErrorField(prepare(*session, "s", "select id from later").get(), PG_DIAG_SQLSTATE),
        "42P01");
  EXPECT_EQ(execute(one, "s"), "26000");
  server_.query("create table later (id int); insert into later values (5)");
  for (const auto* session : {&one, &two}) {
    EXPECT_EQ(PQresultStatus(prepare(*session, "s", "select id from later").get()),
              PGRES_COMMAND_OK);
    EXPECT_EQ(execute(*session, "s"), "1:5");
  }
}

TEST_P(GatewayStatements, Hazard26ResultsChangeUnderAStatement) {
  // Goal: hazard 26: "cached plan must not change result type": told as the server tells it; who
  // prepares anew, under the same name or another, has the new result; a change the gateway sees
  // is told to nobody who prepares behind it.
  server_.query("create table t (a int); insert into t values (1)");
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  prepare(one, "s", "select * from t");
  EXPECT_EQ(execute(one, "s"), "1:1");
  server_.query("alter table t add b int");  // past the gateway
  EXPECT_EQ(execute(one, "s"), "0A000");
  prepare(one, "again", "select * from t");
  EXPECT_EQ(execute(one, "again"), "2:1");
  prepare(two, "s", "select * from t");
  EXPECT_EQ(execute(two, "s"), "2:1");

  two("alter table t add c int");
  prepare(two, "behind", "select * from t");
  EXPECT_EQ(execute(two, "behind"), "3:1");
  const Session three(gateway_.conninfo());
  prepare(three, "s", "select * from t");
  EXPECT_EQ(execute(three, "s"), "3:1");
}

TEST_P(GatewayStatements, Hazard26TypesAndSearchPathsAreTheClients) {
  // Goal: hazard 26: the same text with other types of its parameters, or where its names mean
  // other tables with other columns: by settings that are carried, and within a transaction.
  constexpr ::Oid kInt8 = 20;
  constexpr ::Oid kText = 25;
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  prepare(one, "s", "select pg_typeof($1)", {kInt8});
  prepare(two, "s", "select pg_typeof($1)", {kText});
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(execute(one, "s", "5"), "1:bigint");
    EXPECT_EQ(execute(two, "s", "5"), "1:text");
  }
  server_.query(
      "create schema x; create schema y; create table x.t (a int);"
      "create table y.t (a text, b int); insert into x.t values (1);"
      "insert into y.t values ('y', 2)");
  one("set search_path = x");
  two("set search_path = y");
  prepare(one, "p", "select * from t");
  prepare(two, "p", "select * from t");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(execute(one, "p"), "1:1");
    EXPECT_EQ(execute(two, "p"), "2:y");
  }
  one("begin; set local search_path = y");
  prepare(one, "q", "select * from t");
  EXPECT_EQ(execute(one, "q"), "2:y");
  one("commit");
}

TEST_P(GatewayStatements, Hazard32APreparedTransactionIsNobodys) {
  // Goal: hazard 32: PREPARE TRANSACTION leaves the server free, and outlives its client; another
  // client commits it, or rolls it back.
  server_.query("create table t (id int)");
  for (const auto* end : {"commit prepared 'two'", "rollback prepared 'two'"}) {
    auto one = std::make_unique<Session>(gateway_.conninfo());
    (*one)("begin; insert into t values (1)");
    (*one)("prepare transaction 'two'");
    EXPECT_EQ(PQtransactionStatus(one->get()), PQTRANS_IDLE);
    if (transaction()) {
      std::vector<std::unique_ptr<Session>> others;
      for (int at = 0; at < 3; ++at) {
        others.push_back(std::make_unique<Session>(gateway_.conninfo()));
        EXPECT_EQ((*others.back())("begin; select 1"), "1") << "every server is free";
      }
    }
    one.reset();
    Session two(gateway_.conninfo());
    EXPECT_EQ(two("select count(*) from pg_prepared_xacts"), "1");
    EXPECT_EQ(two.state_of(end), "");
    EXPECT_EQ(two("select count(*) from t"), "1");
    EXPECT_EQ(two("select count(*) from pg_prepared_xacts"), "0");
  }
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayStatements,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& one) {
                           return one.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
