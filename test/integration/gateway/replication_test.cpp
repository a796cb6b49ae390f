// Replication through the gateway (hazard 18): PostgreSQL's own programs, and what a session of
// each kind must be alone with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>
#include <sstream>

#include <fmt/format.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A program that runs until it is told to end, or the test is over.
class Program {
 public:
  Program(const std::vector<std::string>& argv, const fs::path& output)
      : pid_(start_child(argv, output)) {}
  ~Program() { end(SIGKILL); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void end(int signal) {
    if (pid_ == 0) return;
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_;
};

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class GatewayReplication : public testing::TestWithParam<Sharing> {
 protected:
  GatewayReplication()
      : server_({.settings = {{"password_encryption", "scram-sha-256"},
                              {"wal_level", "logical"},
                              {"wal_sender_timeout", "1s"},
                              {"max_wal_senders", "10"}}}) {
    server_.query("create role copier login replication password 'secret'");
    server_.query("create role app login password 'secret'");
    server_.query("create table orders (item text)");
    server_.query("grant all on orders to app");
    const auto asks = "scram-sha-256\n";
    server_.set_hba(std::string("host all postgres 127.0.0.1/32 trust\nlocal all all ") + asks +
                    "local replication copier " + asks + "local replication app " + asks);
    gateway_.emplace(server_, GatewayOptions{.sharing = GetParam(), .size = 1, .scram = true});
    directory_ = server_.temp_dir() / "through";
    fs::create_directory(directory_);
    give_to_server(directory_);
  }
  [[nodiscard]] std::string as_copier(const std::string& more = "") const {
    return gateway_->conninfo("user=copier password=secret " + more);
  }
  [[nodiscard]] std::string program(const char* name) const {
    return (server_.bin_dir() / name).string();
  }
  [[nodiscard]] std::string walsenders(const std::string& what = "count(*)") const {
    const auto rows = server_.rows("select " + what + " from pg_stat_replication");
    return rows.empty() ? "" : rows[0][0].value_or("");
  }
  [[nodiscard]] bool await_walsenders(const std::string& count) const {
    return wait_until([&] { return walsenders() == count; });
  }

  PostgresServer server_;
  std::optional<RunningGateway> gateway_;
  fs::path directory_;
};

TEST_P(GatewayReplication, Hazard18ABaseBackupIsWhole) {
  // Goal: pg_basebackup with its WAL beside it, which is two sessions at once, in front of a pool
  // of one that is in use; the copy is verified against its manifest; nothing is left at the
  // server.
  Session app(gateway_->conninfo("user=app password=secret"));
  app("begin");
  app("insert into orders select repeat('x', 1000) from generate_series(1, 20000)");
  const auto copy = directory_ / "base";
  run_child({program("pg_basebackup"), "-d", as_copier(), "-D", copy.string(), "-X", "stream", "-c",
             "fast"},
            directory_ / "log");
  run_child({program("pg_verifybackup"), copy.string()}, directory_ / "log");
  EXPECT_THAT(text_of(directory_ / "log"), HasSubstr("backup successfully verified"));
  app("commit");
  EXPECT_EQ(app("select count(*) from orders"), "20000");
  EXPECT_TRUE(await_walsenders("0"));
}

TEST_P(GatewayReplication, Hazard18WalArrivesAsItIsWritten) {
  // Goal: pg_receivewal: what is committed meanwhile is flushed there, and the server is told; the
  // session outlives wal_sender_timeout by its keepalives; when the client is killed, the walsender
  // ends.
  Program receiver({program("pg_receivewal"), "-d", as_copier("application_name=archive"), "-D",
                    directory_.string(), "--synchronous", "--no-loop"},
                   directory_ / "log");
  ASSERT_TRUE(await_walsenders("1")) << text_of(directory_ / "log");
  EXPECT_EQ(walsenders("application_name || ' ' || usename"), "archive copier");
  const auto pid = walsenders("pid");
  for (int round = 0; round < 3; ++round) {
    const auto written =
        server_.query("insert into orders values ('arrives'); select pg_current_wal_flush_lsn()");
    EXPECT_TRUE(wait_until([&] { return walsenders("flush_lsn >= '" + written + "'") == "t"; }));
  }
  EXPECT_TRUE(wait_until(
      [&] { return walsenders("reply_time - backend_start > interval '3 seconds'") == "t"; }));
  EXPECT_EQ(walsenders("pid"), pid);
  receiver.end(SIGKILL);
  EXPECT_TRUE(await_walsenders("0"));
}

TEST_P(GatewayReplication, Hazard18AReceiverComesAgainByItself) {
  // Goal: a server that is restarted ends in order, which takes a receiver that confirms its last
  // WAL, and the receiver follows the new one through the same gateway.
  const Program receiver(
      {program("pg_receivewal"), "-d", as_copier(), "-D", directory_.string(), "--synchronous"},
      directory_ / "log");
  ASSERT_TRUE(await_walsenders("1")) << text_of(directory_ / "log");
  server_.query("insert into orders values ('before')");
  server_.restart();
  const auto written =
      server_.query("insert into orders values ('after'); select pg_current_wal_flush_lsn()");
  EXPECT_TRUE(wait_until([&] { return walsenders("flush_lsn >= '" + written + "'") == "t"; }))
      << text_of(directory_ / "log");
}

TEST_P(GatewayReplication, Hazard18LogicalChangesArrive) {
  // Goal: pg_recvlogical, on a slot it makes itself: each committed row, in order; interrupted, it
  // ends in order and leaves no walsender.
  const auto changes = directory_ / "changes";
  Program receiver(
      {program("pg_recvlogical"), "-d", as_copier(), "--slot", "changes", "--create-slot",
       "--start", "-P", "test_decoding", "-f", changes.string(), "-F", "1", "--no-loop"},
      directory_ / "log");
  // Before it streams there may be no slot yet, and what is written then is not its.
  ASSERT_TRUE(wait_until([&] { return walsenders("state") == "streaming"; }))
      << text_of(directory_ / "log");
  Session app(gateway_->conninfo("user=app password=secret"));
  for (int item = 0; item < 100; ++item)
    app(fmt::format("insert into orders values ('item {}')", item));
  EXPECT_TRUE(wait_until([&] { return text_of(changes).contains("'item 99'"); }));
  const auto seen = text_of(changes);
  std::size_t at = 0;
  for (int item = 0; item < 100 && at != std::string::npos; ++item)
    at = seen.find(fmt::format("'item {}'", item), at);
  EXPECT_NE(at, std::string::npos);
  receiver.end(SIGINT);
  EXPECT_TRUE(await_walsenders("0"));
}

TEST_P(GatewayReplication, Hazard18NobodyElseHasTheConnection) {
  // Goal: however it is asked for, the server's process is the client's alone: what it sets goes
  // with it, and it is none of the pool's, whose only one another has.
  Session app(gateway_->conninfo("user=app password=secret"));
  const auto pooled = app("select pg_backend_pid()");
  for (const auto* kind : {"database", "true", "on", "1"}) {
    const bool logical = std::string(kind) == "database";
    std::string pid;
    {
      Session copier(as_copier(std::string("replication=") + kind));
      EXPECT_NE(copier("IDENTIFY_SYSTEM"), "");
      if (logical) copier("set work_mem = '7MB'");
      pid = server_.query("select pid from pg_stat_activity where backend_type = 'walsender'");
      EXPECT_NE(pid, "");
      EXPECT_NE(pid, pooled);
      if (logical) EXPECT_EQ(copier("select current_setting('work_mem')"), "7MB");
    }
    EXPECT_TRUE(wait_until([&] {
      return server_.query("select count(*) from pg_stat_activity where pid = " + pid) == "0";
    }));
  }
  EXPECT_EQ(app("select pg_backend_pid()"), pooled);
}

TEST_P(GatewayReplication, Hazard18IsRefusedAsByTheServer) {
  // Goal: a role without REPLICATION and a pg_hba.conf without a line for it, in the server's
  // words; beyond the bound a word of ours, and room again when one has left.
  EXPECT_THAT(refusal_of(gateway_->conninfo("user=app password=secret replication=true")),
              HasSubstr("must be superuser or replication role"));
  std::vector<std::unique_ptr<Session>> most;
  for (int count = 0; count < 10; ++count)
    most.push_back(std::make_unique<Session>(as_copier("replication=database")));
  EXPECT_THAT(refusal_of(as_copier("replication=true")),
              HasSubstr("too many replication connections"));
  most.pop_back();
  EXPECT_TRUE(wait_until([&] { return refusal_of(as_copier("replication=true")).empty(); }));
  most.clear();
  server_.set_hba("host all postgres 127.0.0.1/32 trust\nlocal all all scram-sha-256\n");
  EXPECT_TRUE(wait_until([&] {
    return refusal_of(as_copier("replication=true"))
        .contains("no pg_hba.conf entry for replication connection");
  }));
  server_.stop();
  EXPECT_THAT(refusal_of(as_copier("replication=true")), HasSubstr("connect to "));
}

TEST_P(GatewayReplication, Hazard18ItsQueriesAreCancelled) {
  // Goal: by the key the client was given, which is not the server's; the session goes on.
  Session copier(as_copier("replication=database"));
  auto slept = std::async(std::launch::async,
                          [&] { return copier.state_of("select pg_sleep(60) /* slow */"); });
  ASSERT_TRUE(wait_until([&] {
    return server_
               .rows(
                   "select count(*) from pg_stat_activity where state = 'active' and query "
                   "like '%/* slow */' and pid <> pg_backend_pid()")
               .at(0)
               .at(0) == "1";
  }));
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(copier.get()),
                                                                  PQfreeCancel);
  std::array<char, 256> why{};
  EXPECT_EQ(PQcancel(cancel.get(), why.data(), why.size()), 1) << why.data();
  EXPECT_EQ(slept.get(), "57014");
  EXPECT_EQ(copier("select 1"), "1");
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayReplication,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& kind) {
                           return kind.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
