// Children and other processes held by pidfd.
#include "runtime/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "runtime/files.hpp"
#include "runtime/proc.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::runtime {
namespace {

using testing::HasSubstr;

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", std::move(script)};
  return spec;
}

Result<std::optional<ExitStatus>> wait_exit(Loop& loop, const ProcessHandle& process) {
  return loop.run_until_complete(process.wait_exit(loop, loop.after(test::kPatience)));
}

TEST(ProcessHandle, TellsHowAChildEnded) {
  // Goal: exit codes and signals are told apart, and the child is reaped once.
  Loop loop;
  auto child = start_process(shell("exit 7"));
  ASSERT_TRUE(child.has_value());
  EXPECT_EQ(wait_exit(loop, *child)->value().code, 7);
  EXPECT_FALSE(child->alive());
  EXPECT_EQ(wait_exit(loop, *child)->has_value(), false);
  EXPECT_EQ(child->signal(SIGTERM).error().code, ErrorCode::NotFound);
}

TEST(ProcessHandle, SignalsAndDeathAreEvents) {
  // Goal: a signalled child's death wakes the waiter, with the signal.
  Loop loop;
  auto child = start_process(shell("exec sleep 1000"));
  ASSERT_TRUE(child.has_value());
  EXPECT_TRUE(child->alive());
  const auto early = loop.run_until_complete(child->wait_exit(loop, loop.after(Millis(1))));
  EXPECT_EQ(early.error().code, ErrorCode::TimedOut);
  ASSERT_TRUE(child->signal(SIGKILL));
  EXPECT_EQ(wait_exit(loop, *child)->value().signal, SIGKILL);
}

TEST(ProcessHandle, OthersAreWatchedButNotReaped) {
  // Goal: a process that is not our child can be awaited; its status stays its parent's.
  Loop loop;
  const test::TempDir dir;
  auto spec = shell("sleep 1000 & echo $! > pid.new; mv pid.new pid; wait");
  spec.working_dir = dir.path();
  auto parent = start_process(spec);
  ASSERT_TRUE(parent.has_value());
  ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(dir / "pid"); }));
  const auto grandchild = ProcessHandle::open(std::stoi(*read_file(dir / "pid", 100)));
  ASSERT_TRUE(grandchild.has_value());
  EXPECT_TRUE(grandchild->alive());
  ASSERT_TRUE(grandchild->signal(SIGKILL));
  const auto ended = wait_exit(loop, *grandchild);
  ASSERT_TRUE(ended.has_value());
  EXPECT_FALSE(ended->has_value());
  EXPECT_TRUE(wait_exit(loop, *parent).has_value());
}

TEST(ProcessHandle, NoSuchProcess) {
  // Goal: a stale or absurd pid is NotFound.
  for (const pid_t pid : {0, -1, 0x3FFFFFFF})
    EXPECT_EQ(ProcessHandle::open(pid).error().code, ErrorCode::NotFound) << pid;
}

TEST(StartProcess, ReportsWhyItCouldNot) {
  // Goal: a missing program, one that may not be executed, a missing directory: each named.
  ProcessSpec spec;
  spec.argv = {"/nonexistent/pg_ctl"};
  EXPECT_EQ(start_process(spec).error().code, ErrorCode::MissingBinary);
  spec.argv = {"/etc/passwd"};
  const auto denied = start_process(spec);
  EXPECT_EQ(denied.error().code, ErrorCode::Spawn);
  EXPECT_THAT(denied.error().detail, HasSubstr("Permission denied"));
  spec = shell("true");
  spec.working_dir = "/nonexistent";
  const auto nowhere = start_process(spec);
  EXPECT_EQ(nowhere.error().code, ErrorCode::Spawn);
  EXPECT_THAT(nowhere.error().detail, HasSubstr("/nonexistent"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // the failed ones were reaped
}

TEST(StartProcess, AppendsToTheOutputFile) {
  // Goal: both streams go to the file, which is made when absent and never cut.
  Loop loop;
  const test::TempDir dir;
  for (int round = 0; round < 2; ++round) {
    auto spec = shell("echo out; echo err >&2");
    spec.output_file = dir / "log";
    auto child = start_process(spec);
    ASSERT_TRUE(child.has_value());
    ASSERT_TRUE(wait_exit(loop, *child));
  }
  EXPECT_EQ(read_file(dir / "log", 100), "out\nerr\nout\nerr\n");
}

TEST(StartProcess, ANewSessionIsItsOwn) {
  // Goal: Session::New leads its own session, Session::Inherit stays in ours.
  Loop loop;
  const test::TempDir dir;
  for (const auto session : {ProcessSpec::Session::New, ProcessSpec::Session::Inherit}) {
    auto spec = shell("exec sleep 1000");
    spec.session = session;
    auto child = start_process(spec);
    ASSERT_TRUE(child.has_value());
    const bool own = session == ProcessSpec::Session::New;
    EXPECT_EQ(::getsid(child->pid()), own ? child->pid() : ::getsid(0));
    ASSERT_TRUE(child->signal(SIGKILL));
    ASSERT_TRUE(wait_exit(loop, *child));
  }
}

// Starts two sleepers, writes their pids, and waits to be killed. In a process of its own.
[[noreturn]] void be_a_parent(const std::filesystem::path& dir) {
  for (const auto session : {ProcessSpec::Session::New, ProcessSpec::Session::Inherit}) {
    auto spec = shell("exec sleep 1000");
    spec.session = session;
    const auto child = start_process(spec);
    const auto* name = session == ProcessSpec::Session::New ? "new" : "inherit";
    if (!child || !write_file_atomic(dir / name, std::to_string(child->pid()))) ::_exit(1);
  }
  while (true) ::pause();
}

TEST(StartProcess, ChildrenDieWithUsUnlessTheyHaveTheirOwnSession) {
  // Goal: when we are killed, an Inherit child ends and a New one goes on.
  const test::TempDir dir;
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) be_a_parent(dir.path());
  ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(dir / "inherit"); }));
  const auto inherited = ProcessHandle::open(std::stoi(*read_file(dir / "inherit", 20)));
  const auto independent = ProcessHandle::open(std::stoi(*read_file(dir / "new", 20)));
  ASSERT_TRUE(inherited && independent);
  ASSERT_EQ(::kill(parent, SIGKILL), 0);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  EXPECT_TRUE(test::wait_until([&] { return !inherited->alive(); }));
  EXPECT_TRUE(independent->alive());
  EXPECT_TRUE(independent->signal(SIGKILL));
}

}  // namespace
}  // namespace pgkeel::runtime
