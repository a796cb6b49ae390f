// The admin console through libpq, as psql and exporters use it.
#include <gmock/gmock.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

class GatewayConsole : public testing::Test {
 protected:
  GatewayConsole() : gateway_(server_, {.sharing = gateway::Sharing::Transaction, .size = 2}) {}
  /// The value in the first row in which `column` has `value`.
  static std::string cell(Session& console, const std::string& show, const std::string& column,
                          const std::string& value, const std::string& wanted) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(console.get(), show.c_str()),
                                                               &PQclear);
    const int by = PQfnumber(result.get(), column.c_str());
    const int of = PQfnumber(result.get(), wanted.c_str());
    for (int row = 0; by >= 0 && of >= 0 && row < PQntuples(result.get()); ++row)
      if (PQgetvalue(result.get(), row, by) == value) return PQgetvalue(result.get(), row, of);
    return "none";
  }

  PostgresServer server_;
  RunningGateway gateway_;
};

TEST_F(GatewayConsole, ShowsWhatThereIs) {
  // Goal: D9: pools, clients, servers and statistics, by PgBouncer's names, while clients work.
  Session busy(gateway_.conninfo());
  Session idle(gateway_.conninfo());
  busy("begin; select 1");
  idle("select 1");
  for (const auto* name : {"pgkeel", "pgbouncer"}) {
    Session console(gateway_.conninfo(std::string("user=postgres dbname=") + name));
    EXPECT_EQ(cell(console, "show pools", "database", "postgres", "cl_active"), "2");
    EXPECT_EQ(cell(console, "SHOW POOLS;", "database", "postgres", "sv_active"), "1");
    EXPECT_EQ(cell(console, "show databases", "name", "postgres", "pool_size"), "2");
    EXPECT_EQ(cell(console, "show lists", "list", "used_servers", "items"), "1");
    EXPECT_GE(std::stoi(cell(console, "show stats", "database", "postgres", "total_query_count")),
              2);
    EXPECT_EQ(cell(console, "show clients", "database", "postgres", "user"), "postgres");
    EXPECT_EQ(cell(console, "show servers", "database", "postgres", "state"), "active");
    EXPECT_EQ(console.state_of("select 1"), "08P01");
    EXPECT_EQ(console.state_of("suspend"), "0A000");
    EXPECT_NE(console("show version"), "") << "the session goes on after an error";
  }
  busy("commit");
}

TEST_F(GatewayConsole, ReconnectsAndKills) {
  // Goal: D9: RECONNECT replaces servers when they are free; KILL ends the clients of a database.
  Session one(gateway_.conninfo());
  const auto before = one("select pg_backend_pid()");
  Session console(gateway_.conninfo("user=postgres dbname=pgkeel"));
  EXPECT_EQ(console.state_of("reconnect postgres"), "");
  EXPECT_NE(one("select pg_backend_pid()"), before);
  EXPECT_EQ(console.state_of("kill nowhere"), "08P01");
  EXPECT_EQ(console.state_of("kill postgres"), "");
  EXPECT_NE(one.state_of("select 1"), "");
  EXPECT_TRUE(wait_until([&] {
    return server_.query(
               "select count(*) from pg_stat_activity where backend_type = "
               "'client backend' and pid <> pg_backend_pid()") == "0";
  }));
}

TEST_F(GatewayConsole, MeasuresWhatTakesTime) {
  // Goal: D9: a query's time is the server's, however long nobody had asked anything before; a wait
  // is as long as the connection was another's, and nothing of either is in what the gateway adds.
  constexpr int kSleptUs = 400'000;
  RunningGateway measured(server_, {.sharing = gateway::Sharing::Transaction, .size = 1});
  Session console(measured.conninfo("user=postgres dbname=pgkeel"));
  Session one(measured.conninfo());
  Session two(measured.conninfo());
  const auto total = [&](const char* column) {
    return std::stoll(cell(console, "show stats", "database", "postgres", column));
  };
  const auto told = [&] { return measured.timings(); };
  const auto before = total("total_query_time");
  server_.query("select pg_sleep(0.4)");  // nothing comes to the gateway meanwhile
  one("select 1");
  EXPECT_LT(total("total_query_time") - before, kSleptUs);
  const auto queries = total("total_query_time");
  const auto waits = told().waits();
  PQsendQuery(one.get(), "select pg_sleep(0.4)");
  PQflush(one.get());
  ASSERT_TRUE(wait_until(
      [&] { return cell(console, "show servers", "database", "postgres", "state") == "active"; }));
  EXPECT_EQ(two("select 2"), "2");
  while (PGresult* more = PQgetResult(one.get())) PQclear(more);
  EXPECT_GE(total("total_query_time") - queries, kSleptUs);
  const auto after = told();
  const auto waited = after.waits().sum() - waits.sum();
  EXPECT_GT(waited.count(), 0);
  EXPECT_LT(waited.count(), total("total_query_time")) << "not longer than the query it waited for";
  std::int64_t passed_on = 0;
  for (const auto count : after.added().counts()) passed_on += count;
  EXPECT_GE(passed_on, 3) << "each of the queries";
  EXPECT_LT(after.added().sum().count(), kSleptUs);
}

TEST_F(GatewayConsole, ShowsPreparedStatements) {
  // Goal: D9: what clients have prepared by name, once for all who have the same, with how many
  // clients and servers have it, and without the values in its text.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  Session console(gateway_.conninfo("user=postgres dbname=pgkeel"));
  constexpr const char* kText = "select $1::int + 17, 'secret'";
  PQclear(PQprepare(one.get(), "mine", kText, 0, nullptr));
  PQclear(PQprepare(two.get(), "yours", kText, 0, nullptr));
  PQclear(PQprepare(two.get(), "again", kText, 0, nullptr));
  const auto shown = [&](const char* wanted) {
    return cell(console, "show prepared_statements", "statement", "select $::int+?, ?", wanted);
  };
  EXPECT_EQ(shown("clients"), "2");
  EXPECT_EQ(shown("servers"), "1");
  EXPECT_EQ(shown("database"), "postgres");
  EXPECT_EQ(shown("name"), "pgkeel_s1");
  PQclear(PQexec(one.get(), "deallocate all"));
  EXPECT_EQ(shown("clients"), "1");
}

TEST_F(GatewayConsole, IsNotForEverybody) {
  // Goal: D9: who is not the guard's own role does not see others' sessions.
  server_.query("create role app login");
  EXPECT_NE(refusal_of(gateway_.conninfo("user=app dbname=pgkeel")), "");
}

}  // namespace
}  // namespace pgkeel::test
