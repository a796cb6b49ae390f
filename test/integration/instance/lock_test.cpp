#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "integration/instance/fixture.hpp"
#include "runtime/proc.hpp"
#include "support/child.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;

class LockTest : public InstanceTest {
 protected:
  // A server that was killed, with nothing of it left but its files.
  void kill_server() {
    const pid_t pid = started().pid;
    ::kill(pid, SIGKILL);
    server().await_processes_gone();
    ::waitpid(pid, nullptr, 0);
  }
  // Lets the lock name another process, as after a restart of the machine or in a container.
  void record_pid(pid_t pid) {
    const auto path = server().data_dir() / "postmaster.pid";
    const std::string text = read_all(path);
    write_file(path, std::to_string(pid) + text.substr(text.find('\n')));
  }
};

TEST_F(LockTest, StartsOverALockWhosePidIsDead) {
  // Goal: stale_pid with a dead pid is recognised and needs no cleaning by us (D6, D12).
  kill_server();
  const LockFacts lock = instance().inspect_lock();
  EXPECT_EQ(lock.state, LockState::Stale);
  EXPECT_FALSE(lock.pid_reused);
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
}

TEST_F(LockTest, StartsOverALockWhosePidIsAnotherClustersPostmaster) {
  // Goal: a pid reused by another live postmaster of the same user is judged stale and the server
  // starts beside it, which PostgreSQL alone refuses (D6, D12).
  kill_server();
  const test::PostgresServer other;
  record_pid(other.pid());

  const pid_t refused = test::start_child(
      {(server().bin_dir() / "postgres").string(), "-D", server().data_dir().string()},
      server().temp_dir() / "refused.log");
  int status = 0;
  ASSERT_EQ(::waitpid(refused, &status, 0), refused);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_THAT(read_all(server().temp_dir() / "refused.log"),
              HasSubstr("postmaster.pid\" already exists"));

  const LockFacts lock = instance().inspect_lock();
  EXPECT_EQ(lock.state, LockState::Stale);
  EXPECT_TRUE(lock.pid_reused);
  EXPECT_THAT(lock.pid_owner, HasSubstr(other.data_dir().string()));
  const auto report = start({identity(), other.pid()});
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_TRUE(report->postmaster) << report->server_log;
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_EQ(other.query("select 1"), "1");
}

TEST_F(LockTest, RefusesWhenTheLockIsNotTheVerifiedOne) {
  // Goal: a caller who verified one stale pid does not start over a lock that changed since.
  kill_server();
  const auto report = start({identity(), 1});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::Refused);
}

TEST_F(LockTest, StartsOverAZombiePostmaster) {
  // Goal: a killed postmaster whose parent has not asked for its end is dead, though its pid
  // exists.
  const pid_t pid = started().pid;
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(test::wait_until([pid] { return runtime::read_proc_stat(pid)->state == 'Z'; }));
  server().await_processes_gone();
  const LockFacts lock = instance().inspect_lock();
  EXPECT_EQ(lock.state, LockState::Stale);
  EXPECT_TRUE(lock.pid_reused);
  EXPECT_THAT(lock.pid_owner, HasSubstr("zombie"));
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
  ::waitpid(pid, nullptr, 0);
}

TEST_F(LockTest, SetsAnEmptyLockFileAsideOnceItIsOld) {
  // Goal: the remnant of a crash while the lock was being written does not keep the server down,
  // and a lock that may still be being written is respected.
  static_cast<void>(instance());
  const auto path = server().data_dir() / "postmaster.pid";
  write_file(path, "");
  const auto young = start();
  ASSERT_FALSE(young);
  EXPECT_EQ(young.error().code, ErrorCode::Refused);
  make_old(path, Seconds(60));
  EXPECT_EQ(instance().inspect_lock().state, LockState::Stale);
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_TRUE(std::filesystem::exists(path.string() + ".pgkeel-stale"));
}

TEST_F(LockTest, FindsAPostmasterWhoseLockFileIsGoneOrWrong) {
  // Goal: deleting or overwriting postmaster.pid never leads to a second server over the same data.
  const pid_t pid = started().pid;
  record_pid(1);
  EXPECT_EQ(instance().inspect_lock().state, LockState::Live);
  EXPECT_EQ(instance().find_postmaster()->pid, pid);
  std::filesystem::rename(server().data_dir() / "postmaster.pid", server().temp_dir() / "hidden");
  EXPECT_EQ(instance().inspect_lock().state, LockState::Live);
  EXPECT_EQ(instance().find_postmaster()->pid, pid);
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::WrongState);
  std::filesystem::rename(server().temp_dir() / "hidden", server().data_dir() / "postmaster.pid");
  record_pid(pid);
}

TEST_F(LockTest, AServerOfAnotherDirectoryIsNotOurs) {
  // Goal: a copied directory that brought the original's postmaster.pid along is not taken for
  // live.
  server().start();
  const auto copy = server().temp_dir() / "copy";
  test::run_child({"/bin/cp", "-a", server().data_dir().string(), copy.string()},
                  server().temp_dir() / "cp.log");
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = copy;
  const auto other = make_instance(loop_, config);
  ASSERT_TRUE(other);
  const LockFacts lock = (*other)->inspect_lock();
  EXPECT_EQ(lock.state, LockState::Stale);
  EXPECT_TRUE(lock.pid_reused);
  EXPECT_FALSE((*other)->find_postmaster());
}

TEST_F(LockTest, OneGuardHoldsTheDataDirectory) {
  // Goal: a second guard with another state directory is kept off the same volume (safety rule 4).
  const std::string before = listing(server().data_dir());
  {
    const auto first = instance().lock_data_dir("guard one");
    ASSERT_TRUE(first) << first.error().message();
    const auto second = instance().lock_data_dir("guard two");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
    EXPECT_EQ(second.error().exit_number(), 3);
    static_cast<void>(started());
  }
  EXPECT_TRUE(instance().lock_data_dir("guard three"));
  ASSERT_TRUE(run(instance().stop(StopMode::Fast, soon())));
  std::filesystem::rename(server().data_dir(), server().temp_dir() / "away");
  EXPECT_EQ(instance().lock_data_dir("x").error().code, ErrorCode::DataDirMissing);
  EXPECT_FALSE(std::filesystem::exists(server().data_dir()));
  std::filesystem::rename(server().temp_dir() / "away", server().data_dir());
}

}  // namespace
}  // namespace pgkeel::instance
