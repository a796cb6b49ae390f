// The replication protocol against real servers of several majors.
#include "client/replication.hpp"

#include <gmock/gmock.h>

#include <sys/eventfd.h>

#include "runtime/fd.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::client {
namespace {

using Step = ReplicationSession::Step;
using testing::HasSubstr;

pg::Conninfo conninfo_of(const test::PostgresServer& server) {
  return pg::parse_conninfo(server.conninfo()).value();
}

ReplicationSession open(const test::PostgresServer& server, ReplicationOptions options = {}) {
  auto session = ReplicationSession::open(conninfo_of(server), options);
  if (!session) throw std::runtime_error(session.error().message());
  return *std::move(session);
}

TEST(Replication, StreamsWalAndEndsCleanly) {
  // Goal: WAL written after the start arrives; both sides end the copy and the session goes on.
  const test::PostgresServer server;
  auto session = open(server);
  const auto system = session.run("IDENTIFY_SYSTEM");
  ASSERT_TRUE(system) << system.error().message();
  ASSERT_NE(system->at(0, "systemid"), nullptr);
  ASSERT_TRUE(session.send("START_REPLICATION PHYSICAL " + *system->at(0, "xlogpos") +
                           " TIMELINE " + *system->at(0, "timeline")));
  const auto step = session.next(test::kPatience);
  ASSERT_TRUE(step) << step.error().message();
  ASSERT_EQ(*step, Step::CopyBoth);
  const auto nothing = session.read_copy(Millis(1));
  EXPECT_TRUE(nothing.has_value() || nothing.error().code == ErrorCode::TimedOut);
  static_cast<void>(server.rows("create table written ()"));
  char kind = 0;
  while (kind != 'w') {
    const auto message = session.read_copy(test::kPatience);
    ASSERT_TRUE(message) << message.error().message();
    ASSERT_TRUE(message->has_value());
    kind = static_cast<char>((**message)[0]);
  }
  ASSERT_TRUE(session.end_copy(test::kPatience));
  while (true) {
    const auto message = session.read_copy(test::kPatience);
    ASSERT_TRUE(message) << message.error().message();
    if (!*message) break;
  }
  const auto ended = session.next(test::kPatience);
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(*ended, Step::Done);
  EXPECT_TRUE(session.run("IDENTIFY_SYSTEM"));
}

TEST(Replication, SaysWhatTheServerSaysAndGoesOn) {
  // Goal: a refused command is an error with its SQLSTATE; the session serves the next one.
  const test::PostgresServer server;
  auto session = open(server);
  const auto refused = session.run("READ_REPLICATION_SLOT nope nope");
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().sqlstate.empty());
  EXPECT_TRUE(session.run("IDENTIFY_SYSTEM"));
  EXPECT_EQ(session.major(), 15);
  auto sql = open(server, {.mode = ReplicationMode::Sql});
  const auto rows = sql.run("select 1 as one, null as nothing");
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows->at(0, "one"), "1");
  EXPECT_EQ(rows->at(0, "nothing"), nullptr);
}

TEST(Replication, NamesTheMissingLineAndTheMissingRight) {
  // Goal: whoever may not replicate is told the exact line or statement.
  test::PostgresServer server;
  static_cast<void>(server.rows("create role app login"));
  server.set_hba("local all all trust\nhost all all 127.0.0.1/32 trust\n");
  auto conninfo = conninfo_of(server);
  conninfo.user = "app";
  const auto no_line = ReplicationSession::open(conninfo, {});
  ASSERT_FALSE(no_line);
  EXPECT_THAT(std::string(no_line.error().hint()), HasSubstr("replication app"));
  server.set_hba("local all all trust\nlocal replication all trust\n");
  conninfo.host = server.socket_dir().string();
  const auto no_right = ReplicationSession::open(conninfo, {});
  ASSERT_FALSE(no_right);
  EXPECT_THAT(std::string(no_right.error().hint()), HasSubstr("ALTER ROLE \"app\" REPLICATION"));
}

TEST(Replication, EveryWaitEndsWhenTold) {
  // Goal: the wake-up descriptor ends a wait that would last for hours.
  const test::PostgresServer server;
  const runtime::Fd wake(::eventfd(0, EFD_CLOEXEC));
  auto session = open(server, {.wake_fd = wake.get()});
  ASSERT_TRUE(session.send("START_REPLICATION PHYSICAL 0/0"));
  static_cast<void>(session.next(test::kPatience));
  auto started = open(server, {.mode = ReplicationMode::Sql, .wake_fd = wake.get()});
  ASSERT_TRUE(started.send("select pg_sleep(3600)"));
  ASSERT_EQ(::eventfd_write(wake.get(), 1), 0);
  EXPECT_EQ(started.next(Millis(3'600'000)).error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace pgkeel::client
