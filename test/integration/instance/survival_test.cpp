#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "integration/instance/fixture.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::instance {
namespace {

class SurvivalTest : public InstanceTest {};

// A guard in a process of its own that starts the server and then waits to be killed.
[[noreturn]] void be_a_guard(const InstanceConfig& config, SystemId expected, int ready_fd) {
  runtime::Loop loop;
  auto instance = make_instance(loop, config);
  const auto report =
      loop.run_until_complete((*instance)->start({expected, {}}, loop.after(test::kPatience)));
  const char answer = report && report->postmaster ? 'y' : 'n';
  static_cast<void>(!::write(ready_fd, &answer, 1));
  while (true) ::pause();
}

TEST_F(SurvivalTest, TheServerOutlivesTheGuardThatStartedIt) {
  // Goal: kill -9 of the guard leaves PostgreSQL serving, and the next guard adopts it.
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = server().data_dir();
  config.log_file = log_file();
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const SystemId expected = identity();
  const pid_t guard = ::fork();
  if (guard == 0) be_a_guard(config, expected, ends[1]);
  char answer = 0;
  ASSERT_EQ(::read(ends[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  ::kill(guard, SIGKILL);
  ::waitpid(guard, nullptr, 0);

  EXPECT_EQ(server().query("select 1"), "1");
  const auto adopted = instance().find_postmaster();
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->pid, server().pid());
  EXPECT_EQ(server().query("select 1"), "1");
  EXPECT_TRUE(run(instance().stop(StopMode::Fast, soon())));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace pgkeel::instance
