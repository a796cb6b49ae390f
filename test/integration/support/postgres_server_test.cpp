// The test server itself: it starts, dies and comes back as tests need it, and leaves nothing.
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "support/proc_scan.hpp"

namespace pgkeel::test {
namespace {

TEST(PostgresServerTest, StartsAnswersAndLeavesNothing) {
  // Goal: a server answers queries, and its processes and directory are gone with the object.
  std::filesystem::path temp;
  std::filesystem::path data_dir;
  {
    const PostgresServer server;
    temp = server.temp_dir();
    data_dir = server.data_dir();
    EXPECT_EQ(server.query("select 40 + 2"), "42");
    EXPECT_TRUE(server.running());
    EXPECT_FALSE(pids_in(data_dir).empty());
  }
  EXPECT_FALSE(std::filesystem::exists(temp));
  EXPECT_TRUE(pids_in(data_dir).empty());
}

TEST(PostgresServerTest, ComesBackAfterKill9) {
  // Goal: a killed postmaster is seen as gone and start() brings the same cluster back.
  PostgresServer server;
  server.query("create table kept (n int); insert into kept values (7)");
  server.query("checkpoint");
  server.kill9();
  EXPECT_FALSE(server.running());
  server.start();
  EXPECT_EQ(server.query("select n from kept"), "7");
}

TEST(PostgresServerTest, FreshIdentityDiffers) {
  // Goal: Identity::Fresh gives another system identifier than the template's copies have.
  const PostgresServer copied;
  const PostgresServer fresh({.identity = Identity::Fresh});
  const std::string sql = "select system_identifier from pg_control_system()";
  EXPECT_NE(copied.query(sql), fresh.query(sql));
}

TEST(PostgresServerTest, EndsStoppedProcesses) {
  // Goal: a SIGSTOPped postmaster and backend do not survive the test that stopped them.
  std::filesystem::path data_dir;
  {
    const PostgresServer server;
    data_dir = server.data_dir();
    ::kill(server.pid(), SIGSTOP);
  }
  EXPECT_TRUE(pids_in(data_dir).empty());
}

}  // namespace
}  // namespace pgkeel::test
