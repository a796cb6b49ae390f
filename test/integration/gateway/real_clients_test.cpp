// The clients people use, each a program of its own in clients/, through a gateway in front of a
// real server: every step of a program has to be said, what it was told is kept must be there, and
// the server is left with nothing open.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "integration/gateway/running_gateway.hpp"
#include "integration/pg/majors.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using gateway::Sharing;

constexpr std::size_t kPoolSize = 3;  // as the programs know it

// The steps each program takes, in this order; its own come before it closes.
constexpr const char* kSteps[] = {
    "connects_by_scram", "connects_over_tls",  "simple_query",      "parameters",
    "named_statement",   "shared_statement",   "copies_in_and_out", "cancels",
    "pipelines",         "is_notified",        "large_result",      "large_value",
    "large_objects",     "error_and_rollback", "settings_are_kept", "many_at_once"};

struct RealClient {
  const char* name;
  std::vector<std::string> program;  ///< run in a copy of clients/
  std::vector<std::string> own_steps = {};
  bool from_npm = false;
};

std::ostream& operator<<(std::ostream& out, const RealClient& client) { return out << client.name; }

const RealClient kClients[] = {
    {"psql", {"/usr/bin/bash", "psql_client.sh"}},
    {"psycopg2", {"/usr/bin/python3", "psycopg2_client.py"}},
    {"psycopg3", {"/usr/bin/python3", "psycopg3_client.py"}, {"deallocates"}},
    {"pgjdbc",
     {"/usr/bin/java", "-cp", "/usr/share/java/postgresql.jar", "JdbcClient.java"},
     {"evicts_statements", "sees_new_columns", "with_defaults"}},
    {"node_postgres", {"/usr/bin/node", "node_client.mjs"}, {"goes_without_its_answer"}, true},
};

fs::path node_clients_dir() {
  const char* chosen = std::getenv("TEST_NODE_CLIENTS_DIR");
  return fs::absolute(chosen != nullptr ? chosen : "build/node-clients");
}

std::string expected_output(const RealClient& client) {
  std::string said;
  for (const auto* step : kSteps) said += fmt::format("ok {}\n", step);
  for (const auto& step : client.own_steps) said += fmt::format("ok {}\n", step);
  return said + "ok closes\n";
}

class GatewayRealClients : public testing::TestWithParam<std::tuple<RealClient, Sharing>> {
 protected:
  GatewayRealClients() {
    server_.query(
        "create role app login password 'secret';"
        "create table kept (step text, n int, primary key (step, n));"
        "alter table kept owner to app; grant create on schema public to app");
    server_.set_hba(
        "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
        "local all all scram-sha-256\n");
    gateway_ = std::make_unique<RunningGateway>(
        server_, GatewayOptions{.sharing = std::get<Sharing>(GetParam()),
                                .size = kPoolSize,
                                .scram = true,
                                .tls = gateway::ClientTls::Allow});
    fs::copy("test/integration/gateway/clients", here_);
    fs::create_directory(here_ / "scratch");
    give_to_server(here_ / "scratch");
  }

  // The program with nothing of our environment; it has an end, whatever it waits for.
  void run(const RealClient& client) {
    const auto transaction = std::get<Sharing>(GetParam()) == Sharing::Transaction;
    std::vector<std::string> words{
        "/usr/bin/timeout",
        "-k",
        "5",
        "180",
        "/usr/bin/env",
        "-i",
        "-C",
        here_.string(),
        fmt::format("PATH={}:/usr/bin:/bin", server_.bin_dir().string()),
        "LC_ALL=C.UTF-8",
        "PYTHONDONTWRITEBYTECODE=1",
        "PGHOST=127.0.0.1",
        fmt::format("PGPORT={}", gateway_->port()),
        "PGUSER=app",
        "PGPASSWORD=secret",
        "PGDATABASE=postgres",
        fmt::format("PGKEEL_POOL={}", transaction ? "transaction" : "session"),
        fmt::format("PGKEEL_SCRATCH={}", (here_ / "scratch").string()),
        fmt::format("PGKEEL_NODE_CLIENTS={}", node_clients_dir().string())};
    words.insert(words.end(), client.program.begin(), client.program.end());
    run_child(words, output());
  }
  [[nodiscard]] fs::path output() const { return server_.temp_dir() / "said"; }

  PostgresServer server_;
  fs::path here_ = server_.temp_dir() / "clients";
  std::unique_ptr<RunningGateway> gateway_;
};

TEST_P(GatewayRealClients, EveryStep) {
  // Goal: what the client does with a server it does through the gateway; no row that was
  // acknowledged is missing, none that was not is there, and nothing is left open at the server.
  const auto& client = std::get<RealClient>(GetParam());
  if (client.from_npm && !fs::exists(node_clients_dir() / "installed"))
    GTEST_SKIP() << "not installed: run tools/node-clients";
  ASSERT_NO_THROW(run(client)) << server_.log();
  EXPECT_EQ(read_file(output()), expected_output(client));
  EXPECT_EQ(
      server_.query("select string_agg(format('%s %s: %s to %s', count, step, min, max), E'\\n'"
                    " order by step) from (select step, count(*), min(n), max(n) from kept"
                    " group by step) s"),
      "1 cancels: 1 to 1\n"
      "1 closes: 2 to 2\n"
      "20000 copies_in_and_out: 1 to 20000\n"
      "1 error_and_rollback: 2 to 2\n"
      "200 many_at_once: 1001 to 8025\n"
      "200 named_statement: 1 to 200\n"
      "100 pipelines: 1 to 100\n"
      "60 shared_statement: 1 to 60");
  EXPECT_EQ(server_.query("select count(*) from pg_largeobject_metadata"), "0");
  const auto sessions = "select count(*) from pg_stat_activity where usename = 'app'";
  EXPECT_TRUE(wait_until([&] {
    return server_.query(std::string(sessions) +
                         " and (state <> 'idle' or xact_start is not null)") == "0";
  })) << "a transaction is left open";
  EXPECT_LE(std::stoul(server_.query(sessions)), kPoolSize);
  EXPECT_THAT(server_.log(), testing::Not(testing::HasSubstr("unexpected EOF")));
}

INSTANTIATE_TEST_SUITE_P(Each, GatewayRealClients,
                         testing::Combine(testing::ValuesIn(kClients),
                                          testing::Values(Sharing::Session, Sharing::Transaction)),
                         [](const auto& info) {
                           return std::string(std::get<RealClient>(info.param).name) +
                                  (std::get<Sharing>(info.param) == Sharing::Session
                                       ? "_session"
                                       : "_transaction");
                         });

}  // namespace
}  // namespace pgkeel::test
