// PAUSE and RESUME through libpq: what an operator does around a restart of the server.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "integration/gateway/running_gateway.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;
using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

class GatewayPause : public testing::Test {
 protected:
  void serve(const GatewayOptions& options) {
    gateway_ = std::make_unique<RunningGateway>(server_, options);
    looking_ = std::make_unique<Session>(console());
  }
  [[nodiscard]] std::string console() const {
    return gateway_->conninfo("user=postgres dbname=pgkeel");
  }
  /// The value of `wanted` in the row of postgres, or of another.
  std::string shown(const char* show, const char* wanted, const std::string& of = "postgres") {
    const Answer result(PQexec(looking_->get(), show), &PQclear);
    for (int row = 0; row < PQntuples(result.get()); ++row)
      if (PQgetvalue(result.get(), row, 0) == of)
        return PQgetvalue(result.get(), row, PQfnumber(result.get(), wanted));
    return "none";
  }
  std::string sessions() {
    return server_.query(
        "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        " and pid <> pg_backend_pid()");
  }
  static void ask(Session& session, const char* sql) {
    ASSERT_EQ(PQsendQuery(session.get(), sql), 1);
    PQflush(session.get());
  }
  static bool answered(Session& session) {
    return PQconsumeInput(session.get()) == 1 && PQisBusy(session.get()) == 0;
  }
  /// Of what was asked by ask(): the tag or the first value, else the SQLSTATE.
  static std::string answer(Session& session) {
    std::string said;
    while (const auto result = Answer(PQgetResult(session.get()), &PQclear)) {
      if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) said = PQgetvalue(result.get(), 0, 0);
      else if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) said = PQcmdStatus(result.get());
      else if (const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE)) said = state;
    }
    return said;
  }
  void await_paused(const char* paused) {
    ASSERT_TRUE(wait_until([&] { return shown("show databases", "paused") == paused; }));
  }

  PostgresServer server_;
  std::unique_ptr<RunningGateway> gateway_;
  std::unique_ptr<Session> looking_;
};

TEST_F(GatewayPause, AnswersBehindTheCommitAndHoldsTheOthers) {
  // Goal: D9: PAUSE ends when the open transaction has, with no connection left at the server; what
  // is asked meanwhile is answered behind RESUME.
  serve({.sharing = Sharing::Transaction, .size = 2});
  Session holder(gateway_->conninfo());
  Session other(gateway_->conninfo());
  Session console(this->console());
  EXPECT_EQ(other("select 1"), "1");
  holder("begin; create table t (id int)");
  ask(console, "PAUSE postgres");
  await_paused("1");
  ask(other, "select 'waited'");
  ASSERT_TRUE(wait_until([&] { return shown("show pools", "cl_waiting") == "1"; }));
  EXPECT_EQ(holder("insert into t values (1) returning id"), "1") << "its transaction goes on";
  EXPECT_FALSE(answered(console));
  EXPECT_FALSE(answered(other));
  holder("commit");
  EXPECT_EQ(answer(console), "PAUSE");
  EXPECT_EQ(shown("show databases", "current_connections"), "0");
  EXPECT_TRUE(wait_until([&] { return sessions() == "0"; }));
  ask(holder, "select count(*) from t");
  ASSERT_TRUE(wait_until([&] { return shown("show pools", "cl_waiting") == "2"; }));
  EXPECT_FALSE(answered(other));
  ask(console, "RESUME postgres");
  EXPECT_EQ(answer(console), "RESUME");
  EXPECT_EQ(answer(other), "waited");
  EXPECT_EQ(answer(holder), "1");
  EXPECT_EQ(shown("show databases", "paused"), "0");
}

TEST_F(GatewayPause, InSessionPoolingItWaitsForClientsToLeave) {
  // Goal: D9: a session keeps its connection through PAUSE until it leaves; who comes meanwhile
  // logs in and waits with its first query.
  serve({.sharing = Sharing::Session, .size = 2});
  auto leaves = std::make_unique<Session>(gateway_->conninfo());
  (*leaves)("select 1");
  Session console(this->console());
  ask(console, "pause");
  await_paused("1");
  EXPECT_EQ((*leaves)("select 2"), "2");
  Session comes(gateway_->conninfo());
  ask(comes, "select 'came'");
  ASSERT_TRUE(wait_until([&] { return shown("show pools", "cl_waiting") == "1"; }));
  EXPECT_FALSE(answered(console));
  leaves.reset();
  EXPECT_EQ(answer(console), "PAUSE");
  EXPECT_FALSE(answered(comes));
  EXPECT_EQ((*looking_)("show state"), "active");
  EXPECT_EQ((*looking_).state_of("resume"), "");
  EXPECT_EQ(answer(comes), "came");
}

TEST_F(GatewayPause, IsTakenBackByWhoGoesOrResumes) {
  // Goal: D9: a PAUSE under way ends with its console, its cancel or another's RESUME, and clients
  // go on; as long as another console waits for the same it stays.
  serve({.sharing = Sharing::Transaction, .size = 2});
  Session holder(gateway_->conninfo());
  Session waits(gateway_->conninfo());
  holder("begin");
  for (const auto* pause : {"pause", "pause postgres"}) {
    auto console = std::make_unique<Session>(this->console());
    ask(*console, pause);
    await_paused("1");
    ask(waits, "select 'gone'");
    console.reset();
    EXPECT_EQ(answer(waits), "gone");
    EXPECT_EQ(shown("show databases", "paused"), "0");
  }
  Session one(this->console());
  auto two = std::make_unique<Session>(this->console());
  ask(one, "pause postgres");
  ask(*two, "pause postgres");
  await_paused("1");
  const auto clients = [&] { return std::stoi(shown("show lists", "items", "used_clients")); };
  const int before = clients();
  two.reset();
  ASSERT_TRUE(wait_until([&] { return clients() < before; }));
  EXPECT_EQ(shown("show databases", "paused"), "1");
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(one.get()),
                                                                  &PQfreeCancel);
  std::array<char, 256> why{};
  ASSERT_EQ(PQcancel(cancel.get(), why.data(), why.size()), 1);
  EXPECT_EQ(answer(one), "57014");
  EXPECT_EQ(shown("show databases", "paused"), "0");

  ask(one, "pause");
  await_paused("1");
  EXPECT_EQ(looking_->state_of("resume"), "");
  EXPECT_EQ(answer(one), "57014");
  EXPECT_EQ(waits("select 'on'"), "on");
  holder("commit");
}

TEST_F(GatewayPause, RefusesAsPgBouncerDoes) {
  // Goal: D9: what is paused is not paused again, what is not is not resumed, a slip of the pen
  // pauses nothing; all and one are taken back apart.
  serve({.sharing = Sharing::Transaction, .size = 2});
  Session client(gateway_->conninfo());
  client("select 1");
  EXPECT_EQ(looking_->state_of("resume"), "08P01");
  EXPECT_EQ(looking_->state_of("resume postgres"), "08P01");
  EXPECT_EQ(looking_->state_of("resume nowhere"), "08P01");
  EXPECT_EQ(looking_->state_of("pause nowhere"), "08P01");
  EXPECT_EQ(looking_->state_of("pause"), "");
  EXPECT_EQ(looking_->state_of("pause"), "08P01");
  EXPECT_EQ(looking_->state_of("pause postgres"), "08P01");
  EXPECT_EQ(looking_->state_of("resume postgres"), "08P01");
  EXPECT_EQ(looking_->state_of("resume"), "");
  EXPECT_EQ(looking_->state_of("pause postgres"), "");
  EXPECT_EQ(looking_->state_of("pause postgres"), "") << "as PgBouncer: it is quiet already";
  EXPECT_EQ(looking_->state_of("resume"), "08P01");
  EXPECT_EQ(shown("show databases", "paused"), "1");
  EXPECT_EQ(looking_->state_of("resume postgres"), "");
  EXPECT_EQ(client("select 2"), "2");
}

TEST_F(GatewayPause, HoldMaxEndsAWaitAndSaysWhy) {
  // Goal: D9: as by PgBouncer's query_wait_timeout; told is that the database is paused.
  serve({.sharing = Sharing::Transaction, .size = 2, .wait_most = Millis(300)});
  Session client(gateway_->conninfo());
  client("select 1");
  EXPECT_EQ(looking_->state_of("pause"), "");
  EXPECT_EQ(client.state_of("select 1"), "57P03");
  EXPECT_NE(refusal_of(gateway_->conninfo("user=postgres dbname=template1")).find("paused"),
            std::string::npos)
      << "nobody was there before: a login needs a server";
  EXPECT_EQ(looking_->state_of("resume"), "");
  EXPECT_EQ(refusal_of(gateway_->conninfo("user=postgres dbname=template1")), "");
}

TEST_F(GatewayPause, ReloadSaysWhatItDoes) {
  // Goal: D9: RELOAD is answered as by PgBouncer, and claims nothing that was not done.
  serve({});
  std::string notice;
  const auto keep = [](void* into, const PGresult* result) {
    *static_cast<std::string*>(into) = PQresultErrorMessage(result);
  };
  PQsetNoticeReceiver(looking_->get(), keep, &notice);
  ask(*looking_, "reload");
  EXPECT_EQ(answer(*looking_), "RELOAD");
  EXPECT_NE(notice.find("the guard's orders are followed as they come"), std::string::npos);
}

// A load, and the server stopped and started in its midst.
class GatewayPauseUnderLoad : public GatewayPause, public testing::WithParamInterface<const char*> {
 protected:
  static constexpr int kClients = 8;
  static constexpr int kTransactions = 600;  // of each client

  std::vector<std::string> pgbench(std::vector<std::string> more) {
    std::vector<std::string> words{
        (server_.bin_dir() / "pgbench").string(), "-h", "127.0.0.1", "-p",
        std::to_string(gateway_->port()),         "-U", "postgres"};
    words.insert(words.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    words.emplace_back("postgres");
    return words;
  }
  int rows() { return std::stoi(server_.query("select count(*) from pgbench_history")); }
};

TEST_P(GatewayPauseUnderLoad, TheServerIsRestartedAndNoClientHearsOfIt) {
  // Goal: D9: between PAUSE and RESUME the postmaster goes and comes; of a load in every protocol,
  // or one that logs in anew for each transaction, nothing fails and every transaction is there.
  const std::string mode = GetParam();
  serve({.sharing = mode == "session" ? Sharing::Session : Sharing::Transaction, .size = 3});
  const auto output = server_.temp_dir() / "pgbench.log";
  run_child(pgbench({"-i", "-q"}), output);
  std::vector<std::string> load{"-n", "-N",
                                "-c", std::to_string(kClients),
                                "-j", std::to_string(kClients),
                                "-t", std::to_string(kTransactions)};
  if (mode == "session") load.emplace_back("-C");
  else load.insert(load.end(), {"-M", mode});
  const auto child = start_child(pgbench(load), output);
  int done = 0;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(wait_until([&] { return rows() > done + 50; }));
    Session console(this->console());
    console("pause");
    EXPECT_TRUE(wait_until([&] { return sessions() == "0"; }));
    done = rows();
    ASSERT_LT(done, kClients * kTransactions) << "it was over before it was paused";
    server_.restart();
    EXPECT_TRUE(wait_until([&] { return std::stoi(shown("show pools", "cl_waiting")) > 0; }));
    EXPECT_EQ(rows(), done);
    console("resume");
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::ifstream log(output);
  const std::string said{std::istreambuf_iterator<char>(log), {}};
  EXPECT_EQ(status, 0) << said;
  EXPECT_EQ(said.find("aborted"), std::string::npos) << said;
  EXPECT_EQ(rows(), kClients * kTransactions);
}

INSTANTIATE_TEST_SUITE_P(Mode, GatewayPauseUnderLoad,
                         testing::Values("simple", "extended", "prepared", "session"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace pgkeel::test
