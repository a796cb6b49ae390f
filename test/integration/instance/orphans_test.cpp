#include <gmock/gmock.h>
#include <sys/wait.h>
#include <csignal>

#include "instance/server_processes.hpp"
#include "integration/instance/fixture.hpp"
#include "support/child.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::instance {
namespace {

using testing::Contains;

class OrphansTest : public InstanceTest {};

TEST_F(OrphansTest, SeesSurvivorsOfAKilledPostmasterAndWaitsForThem) {
  // Goal: no server is started while a backend of the dead one still runs; then it is (D3, K1).
  const pid_t pid = started().pid;
  const BusyBackend busy(server());
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(test::wait_until([&] { return test::proc_state(pid) == 'Z'; }));

  LockFacts lock;
  ASSERT_TRUE(test::wait_until([&] {
    lock = instance().inspect_lock();
    return !lock.settling;  // a worker that was just forked has no name yet
  }));
  EXPECT_EQ(lock.state, LockState::Orphans);
  EXPECT_THAT(lock.orphans, Contains(busy.pid()));
  EXPECT_FALSE(instance().find_postmaster());
  const auto refused = start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongState);

  const auto gone = run(instance().await_orphans_gone(loop_.after(Millis(200)), soon()));
  ASSERT_TRUE(gone) << gone.error().message();
  EXPECT_TRUE(test::pids_in(server().data_dir()).empty());
  static_cast<void>(started());
  EXPECT_EQ(server().query("select 1"), "1");
}

TEST_F(OrphansTest, EndsStoppedSurvivorsToo) {
  // Goal: an orphan that is stopped, and so can neither finish nor quit, does not block for ever.
  const pid_t pid = started().pid;
  const BusyBackend busy(server());
  ::kill(busy.pid(), SIGSTOP);
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(test::wait_until([&] { return test::proc_state(pid) == 'Z'; }));
  const auto gone = run(instance().await_orphans_gone(loop_.now(), soon()));
  ASSERT_TRUE(gone) << gone.error().message();
  static_cast<void>(started());
}

TEST_F(OrphansTest, WaitsForOneThatHasNoNameYet) {
  // Goal: a worker forked just when its postmaster died looks like a server that starts; it is
  // waited for, not taken for a reason to give up.
  static_cast<void>(started());
  server().kill9();
  ASSERT_TRUE(run(instance().await_orphans_gone(loop_.now(), soon())));
  const auto program = server().temp_dir() / "postgres";
  std::filesystem::copy_file("/bin/sleep", program);
  const auto in_data_dir =
      "cd '" + server().data_dir().string() + "' && exec '" + program.string() + "' 0.5";
  const pid_t unnamed = test::start_child({"/bin/sh", "-c", in_data_dir}, "/dev/null");
  ASSERT_TRUE(test::wait_until([&] { return instance().inspect_lock().settling; }));
  const auto gone = run(instance().await_orphans_gone(soon(), soon()));
  EXPECT_TRUE(gone) << gone.error().message();
  int status = -1;
  ASSERT_EQ(::waitpid(unnamed, &status, 0), unnamed);
  EXPECT_TRUE(WIFEXITED(status)) << "it was ended by a signal";
  static_cast<void>(started());
}

TEST_F(OrphansTest, NeverEndsALiveServer) {
  // Goal: asked to end orphans while a postmaster lives, it refuses and harms nothing.
  static_cast<void>(started());
  const auto refused = run(instance().await_orphans_gone(loop_.now(), soon()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongState);
  EXPECT_EQ(server().query("select 1"), "1");
}

TEST_F(OrphansTest, LeavesOtherServersAlone) {
  // Goal: only processes that stand in this data directory are ended.
  const test::PostgresServer other;
  const BusyBackend others_busy(other);
  const pid_t pid = started().pid;
  const BusyBackend busy(server());
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(test::wait_until([&] { return test::proc_state(pid) == 'Z'; }));
  ASSERT_TRUE(run(instance().await_orphans_gone(loop_.now(), soon())));
  EXPECT_NE(test::proc_state(others_busy.pid()), '\0');
  EXPECT_EQ(other.query("select 1"), "1");
}

TEST_F(OrphansTest, KnowsProcessesOfADeletedDirectory) {
  // Goal: a server whose directory was deleted under it is still seen, so that no other one is
  // started in a directory restored at the same path (volume_lost).
  static_cast<void>(started());
  const auto before = test::pids_in(server().data_dir());
  const auto keep = server().temp_dir() / "kept";
  std::filesystem::copy(server().data_dir(), keep, std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(server().data_dir());
  EXPECT_EQ(instance().inspect_data_dir().state, DataDirState::Missing);
  EXPECT_NE(instance().inspect_lock().state, LockState::None);
  EXPECT_FALSE(scan_server_processes(server().data_dir()).processes.empty());
  for (const pid_t pid : before) ::kill(pid, SIGKILL);
  EXPECT_TRUE(test::wait_until(
      [&] { return scan_server_processes(server().data_dir()).processes.empty(); }));
}

}  // namespace
}  // namespace pgkeel::instance
