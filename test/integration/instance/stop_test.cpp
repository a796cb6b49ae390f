#include <gmock/gmock.h>
#include <csignal>

#include "integration/instance/fixture.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::instance {
namespace {

class StopTest : public InstanceTest {};

TEST_F(StopTest, StopsFastAndCleanly) {
  // Goal: a fast stop ends every process and leaves a cleanly shut down cluster.
  static_cast<void>(started());
  const BusyBackend busy(server());
  const auto stopped = run(instance().stop(StopMode::Fast, soon()));
  ASSERT_TRUE(stopped) << stopped.error().message();
  EXPECT_TRUE(test::pids_in(server().data_dir()).empty());
  EXPECT_EQ(instance().inspect_lock().state, LockState::None);
  EXPECT_EQ(instance().inspect_data_dir().control->state, pg::ClusterState::ShutDown);
}

TEST_F(StopTest, StopsImmediately) {
  // Goal: an immediate stop ends every process without a checkpoint.
  static_cast<void>(started());
  const BusyBackend busy(server());
  ASSERT_TRUE(run(instance().stop(StopMode::Immediate, soon())));
  EXPECT_TRUE(test::pids_in(server().data_dir()).empty());
  EXPECT_EQ(instance().inspect_data_dir().control->state, pg::ClusterState::InProduction);
}

TEST_F(StopTest, StoppingAStoppedServerIsDoneAlready) {
  // Goal: a stop repeated after a crash of the guard changes nothing and succeeds.
  EXPECT_TRUE(run(instance().stop(StopMode::Fast, soon())));
}

TEST_F(StopTest, StopsAServerSomebodyElseStarted) {
  // Goal: an adopted server can be stopped as well as our own child.
  server().start();
  ASSERT_TRUE(run(instance().stop(StopMode::Fast, soon())));
  EXPECT_TRUE(test::wait_until([&] { return !server().running(); }));
}

TEST_F(StopTest, ResumesAStoppedPostmasterAndBackends) {
  // Goal: server_hung by SIGSTOP is undone by SIGCONT, to the postmaster and to stopped backends.
  const pid_t pid = started().pid;
  const BusyBackend busy(server());
  for (const pid_t each : {pid, busy.pid()}) {
    ::kill(each, SIGSTOP);
    ASSERT_TRUE(test::wait_until([each] { return test::proc_state(each) == 'T'; }));
  }
  EXPECT_TRUE(instance().find_postmaster());
  ASSERT_TRUE(instance().resume_stopped());
  EXPECT_TRUE(test::wait_until(
      [&] { return test::proc_state(pid) != 'T' && test::proc_state(busy.pid()) != 'T'; }));
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_TRUE(instance().resume_stopped()) << "nothing to resume is fine";
}

TEST_F(StopTest, StopsAHungServer) {
  // Goal: a stopped postmaster still obeys a stop.
  const pid_t pid = started().pid;
  ::kill(pid, SIGSTOP);
  ASSERT_TRUE(test::wait_until([pid] { return test::proc_state(pid) == 'T'; }));
  ASSERT_TRUE(run(instance().stop(StopMode::Immediate, soon())));
  EXPECT_TRUE(test::pids_in(server().data_dir()).empty());
}

TEST_F(StopTest, SaysWhoIsLeftAtTheDeadline) {
  // Goal: a stop that takes too long is TimedOut and names what still runs; it does not kill.
  const pid_t pid = started().pid;
  const BusyBackend busy(server());
  ::kill(busy.pid(), SIGSTOP);
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(test::wait_until([&] { return test::proc_state(pid) == 'Z'; }));
  const auto result = run(instance().stop(StopMode::Fast, loop_.after(Millis(300))));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::TimedOut);
  EXPECT_THAT(result.error().detail, testing::HasSubstr(std::to_string(busy.pid())));
}

}  // namespace
}  // namespace pgkeel::instance
