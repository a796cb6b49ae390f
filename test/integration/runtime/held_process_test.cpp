// Children that wait before their first step.
#include "runtime/held_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "runtime/files.hpp"
#include "runtime/proc.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::runtime {
namespace {

ProcessSpec shell(const test::TempDir& dir, std::string script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", std::move(script)};
  spec.working_dir = dir.path();
  spec.session = ProcessSpec::Session::New;
  return spec;
}

bool is_there(pid_t pid) {
  const auto stat = read_proc_stat(pid);
  return stat && stat->state != 'Z';
}

TEST(HeldProcess, RunsNothingUntilReleased) {
  // Goal: the program begins after the release, in the process that was held.
  Loop loop;
  const test::TempDir dir;
  auto held = HeldProcess::start(shell(dir, "echo $$ > ran"));
  ASSERT_TRUE(held.has_value());
  EXPECT_NE(read_proc_exe(held->pid()).value_or(""), std::filesystem::canonical("/bin/sh"));
  EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
  const auto child = held->release();
  ASSERT_TRUE(child.has_value());
  EXPECT_EQ(child->pid(), held->pid());
  const auto ended = loop.run_until_complete(child->wait_exit(loop, loop.after(test::kPatience)));
  ASSERT_TRUE(ended && *ended);
  EXPECT_TRUE((*ended)->ok());
  EXPECT_EQ(read_file(dir / "ran", 100).value_or(""), std::to_string(child->pid()) + "\n");
}

TEST(HeldProcess, EndsWhenItIsNotReleased) {
  // Goal: who thinks better of it leaves neither program nor zombie.
  const test::TempDir dir;
  pid_t pid = 0;
  {
    const auto held = HeldProcess::start(shell(dir, "touch ran"));
    ASSERT_TRUE(held.has_value());
    pid = held->pid();
    EXPECT_TRUE(is_there(pid));
  }
  EXPECT_FALSE(read_proc_stat(pid).has_value());
  EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
}

TEST(HeldProcess, EndsWithItsParent) {
  // Goal: a guard killed while its server waits to begin leaves no process behind.
  const test::TempDir dir;
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto held = HeldProcess::start(shell(dir, "touch ran"));
    const pid_t pid = held ? held->pid() : 0;
    static_cast<void>(!::write(ends[1], &pid, sizeof pid));
    while (true) ::pause();
  }
  pid_t pid = 0;
  ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_TRUE(is_there(pid));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(test::wait_until([pid] { return !is_there(pid); }));
  EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(HeldProcess, KilledWhileItWaits) {
  // Goal: releasing a child that was killed is no signal to us, and its end is seen.
  Loop loop;
  const test::TempDir dir;
  auto held = HeldProcess::start(shell(dir, "touch ran"));
  ASSERT_TRUE(held.has_value());
  ASSERT_EQ(::kill(held->pid(), SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return !is_there(held->pid()); }));
  const auto child = held->release();
  ASSERT_TRUE(child.has_value());
  const auto ended = loop.run_until_complete(child->wait_exit(loop, loop.after(test::kPatience)));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->signal, SIGKILL);
  EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
}

TEST(HeldProcess, TellsThatTheProgramCannotBeRun) {
  // Goal: what only exec finds out comes with the release.
  const test::TempDir dir;
  auto spec = shell(dir, "true");
  spec.working_dir = dir / "nowhere";
  auto held = HeldProcess::start(spec);
  ASSERT_TRUE(held.has_value());
  const auto child = held->release();
  ASSERT_FALSE(child.has_value());
  EXPECT_EQ(child.error().code, ErrorCode::Spawn);
}

}  // namespace
}  // namespace pgkeel::runtime
