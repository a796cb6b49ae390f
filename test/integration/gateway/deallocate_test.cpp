// DEALLOCATE by SQL of what was prepared by the protocol, as psycopg says it.
#include <gmock/gmock.h>

#include "integration/gateway/running_gateway.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

class GatewayDeallocate : public testing::TestWithParam<Sharing> {
 protected:
  GatewayDeallocate() : gateway_(server_, GatewayOptions{.sharing = GetParam(), .size = 2}) {}
  static std::string prepare(const Session& session, const char* name, const char* sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQprepare(session.get(), name, sql, 0, nullptr), &PQclear);
    return shown(result.get());
  }
  static std::string execute(const Session& session, const char* name) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecPrepared(session.get(), name, 0, nullptr, nullptr, nullptr, 0), &PQclear);
    return shown(result.get());
  }
  /// The tag of a command, the value of a row, or the SQLSTATE.
  static std::string shown(const PGresult* result) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
      return PQcmdStatus(const_cast<PGresult*>(result));
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return PQgetvalue(result, 0, 0);
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
  }
  static std::string simply(const Session& session, const char* sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(session.get(), sql),
                                                               &PQclear);
    return shown(result.get());
  }
  static std::string extended(const Session& session, const char* sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecParams(session.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0), &PQclear);
    return shown(result.get());
  }
  /// What comes in a pipeline until so many Syncs are answered; "-" for what was skipped.
  static std::string seen_until(const Session& session, int syncs) {
    std::string seen;
    while (syncs > 0) {
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(session.get()),
                                                                 &PQclear);
      if (!result) continue;
      const auto status = PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) --syncs;
      if (status == PGRES_PIPELINE_SYNC) seen += "| ";
      else if (status == PGRES_PIPELINE_ABORTED) seen += "- ";
      else seen += shown(result.get()) + " ";
    }
    return seen;
  }

  PostgresServer server_;
  RunningGateway gateway_;
};

TEST_P(GatewayDeallocate, Hazard25ByName) {
  // Goal: hazard 25: as a simple query and by the extended protocol, as alone: tag, error, and the
  // name may be used anew; another client's of the same name is untouched.
  const Session one(gateway_.conninfo());
  const Session two(gateway_.conninfo());
  prepare(two, "_pg3_0", "select 'two'");
  for (const bool simple : {true, false}) {
    const auto say = [&](const char* sql) {
      return simple ? simply(one, sql) : extended(one, sql);
    };
    prepare(one, "_pg3_0", "select 'first'");
    EXPECT_EQ(execute(one, "_pg3_0"), "first");
    EXPECT_EQ(say("DEALLOCATE \"_pg3_0\""), "DEALLOCATE");
    EXPECT_EQ(execute(one, "_pg3_0"), "26000");
    EXPECT_EQ(say("DEALLOCATE \"_pg3_0\""), "26000");
    prepare(one, "_pg3_0", "select 'second'");
    EXPECT_EQ(execute(one, "_pg3_0"), "second");
    EXPECT_EQ(say("deallocate prepare _PG3_0"), "DEALLOCATE");
    EXPECT_EQ(execute(two, "_pg3_0"), "two");
  }
}

TEST_P(GatewayDeallocate, Hazard25InTransactions) {
  // Goal: hazard 25: refused in a failed transaction, and the statement stays; not undone by a
  // rollback.
  const Session one(gateway_.conninfo());
  for (const bool simple : {true, false}) {
    const auto say = [&](const char* sql) {
      return simple ? simply(one, sql) : extended(one, sql);
    };
    prepare(one, "s", "select 'kept'");
    simply(one, "begin");
    simply(one, "select 1 / 0");
    EXPECT_EQ(say("deallocate s"), "25P02");
    EXPECT_EQ(PQtransactionStatus(one.get()), PQTRANS_INERROR);
    EXPECT_EQ(simply(one, "rollback"), "ROLLBACK");
    EXPECT_EQ(execute(one, "s"), "kept");
    simply(one, "begin");
    EXPECT_EQ(say("deallocate s"), "DEALLOCATE");
    EXPECT_EQ(PQtransactionStatus(one.get()), PQTRANS_INTRANS);
    EXPECT_EQ(simply(one, "rollback"), "ROLLBACK");
    EXPECT_EQ(execute(one, "s"), "26000");
  }
}

TEST_P(GatewayDeallocate, Hazard25InAPipeline) {
  // Goal: hazard 25: psycopg's pipeline: prepared, executed, deallocated and prepared again without
  // waiting; skipped behind an error.
  const Session one(gateway_.conninfo());
  ASSERT_EQ(PQenterPipelineMode(one.get()), 1);
  const auto send = [&](const char* sql) {
    PQsendQueryParams(one.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
  };
  const auto use = [&] { PQsendQueryPrepared(one.get(), "s", 0, nullptr, nullptr, nullptr, 0); };
  PQsendPrepare(one.get(), "s", "select 'one'", 0, nullptr);
  use();
  send("DEALLOCATE s");
  PQsendPrepare(one.get(), "s", "select 'two'", 0, nullptr);
  use();
  PQpipelineSync(one.get());
  send("select 1 / 0");
  send("DEALLOCATE s");
  PQpipelineSync(one.get());
  EXPECT_EQ(seen_until(one, 2), " one DEALLOCATE  two | 22012 - | ");
  use();
  PQpipelineSync(one.get());
  EXPECT_EQ(seen_until(one, 1), "two | ");
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayDeallocate,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& one) {
                           return one.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
