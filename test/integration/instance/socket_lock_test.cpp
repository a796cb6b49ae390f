#include "instance/socket_lock.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "integration/instance/fixture.hpp"
#include "pg/postmaster_pid.hpp"
#include "support/child.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;

class SocketLockTest : public InstanceTest {
 protected:
  std::filesystem::path lock_path() {
    return server().socket_dir() / pg::socket_lock_name(server().port());
  }
  // A lock as a server with this pid would have left it.
  void leave_lock(pid_t pid, const std::filesystem::path& data_dir) {
    write_file(lock_path(), std::to_string(pid) + "\n" + data_dir.string() + "\n1700000000\n" +
                                std::to_string(server().port()) + "\n" +
                                server().socket_dir().string() + "\n");
    test::give_to_server(lock_path());
  }
  SocketLockFacts inspect() { return inspect_socket_lock(server().socket_dir(), server().port()); }
};

pid_t dead_pid() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST_F(SocketLockTest, LeavesALockWithADeadPidToTheServer) {
  // Goal: PostgreSQL removes the socket lock of a dead process itself; we only do not stand in the
  // way (D13).
  leave_lock(dead_pid(), server().data_dir());
  EXPECT_EQ(inspect().state, LockState::Stale);
  EXPECT_FALSE(inspect().pid_reused);
  ASSERT_TRUE(set_aside_socket_lock(inspect()));
  EXPECT_TRUE(std::filesystem::exists(lock_path()));
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
}

TEST_F(SocketLockTest, SetsAsideALockWhosePidIsSomebodyElse) {
  // Goal: a socket lock left by a container, whose pid is another program by now, keeps PostgreSQL
  // down; it is recognised and set aside (D13).
  const test::PostgresServer other;
  leave_lock(other.pid(), "/var/lib/postgresql/data");
  EXPECT_EQ(inspect().state, LockState::Stale);
  EXPECT_TRUE(inspect().pid_reused);
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_EQ(other.query("select 1"), "1");
  EXPECT_TRUE(std::filesystem::exists(lock_path().string() + ".pgkeel-stale"));
}

TEST_F(SocketLockTest, SetsAsideAnEmptyLock) {
  // Goal: an empty socket lock, the remnant of a crash, does not keep the server down.
  static_cast<void>(server());
  write_file(lock_path(), "");
  make_old(lock_path(), Seconds(60));
  EXPECT_TRUE(inspect().garbled);
  static_cast<void>(started());
}

TEST_F(SocketLockTest, RespectsTheSocketOfALiveServer) {
  // Goal: another server's socket is not taken away; the error says whose it is (K40).
  const test::PostgresServer other;
  leave_lock(other.pid(), other.data_dir());
  EXPECT_EQ(inspect().state, LockState::Live);
  const auto report = start();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::PortTaken);
  EXPECT_THAT(report.error().detail, HasSubstr(other.data_dir().string()));
  EXPECT_TRUE(std::filesystem::exists(lock_path()));
}

TEST_F(SocketLockTest, GivesBackALockThatChangedMeanwhile) {
  // Goal: what is renamed is what was judged; a lock claimed in between is put back.
  const test::PostgresServer other;
  leave_lock(other.pid(), "/gone");
  const SocketLockFacts judged = inspect();
  leave_lock(other.pid() + 1, "/new");
  const auto result = set_aside_socket_lock(judged);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::Refused);
  EXPECT_THAT(read_all(lock_path()), HasSubstr("/new"));
}

}  // namespace
}  // namespace pgkeel::instance
