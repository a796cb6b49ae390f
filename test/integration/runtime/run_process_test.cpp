// Programs run to their end: what they are given, what is captured, how they are ended.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/files.hpp"
#include "runtime/proc.hpp"
#include "runtime/process.hpp"
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

Result<ProcessOutput> run(ProcessSpec spec, Millis limit = test::kPatience,
                          std::stop_token stop = {}) {
  Loop loop;
  return loop.run_until_complete(
      run_process(loop, std::move(spec), loop.after(limit), std::move(stop)));
}

Task<void> forget(Task<Result<ProcessOutput>> task) { static_cast<void>(co_await task); }

bool ended(pid_t pid) { return !read_proc_stat(pid) || read_proc_stat(pid)->state == 'Z'; }

TEST(RunProcess, CapturesBothStreamsAndTheExit) {
  // Goal: stdout, stderr and the exit code come back; a failing program is not an error.
  const auto output = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->exit.code, 3);
  EXPECT_EQ(run(shell("kill -SEGV $$"))->exit.signal, SIGSEGV);
}

TEST(RunProcess, LargeInputAndOutputDoNotDeadlock) {
  // Goal: a program that reads and writes more than any pipe holds, on all three streams, ends.
  auto spec = shell("tee /dev/stderr");
  spec.input.assign(3U << 20U, 'x');
  const auto output = run(std::move(spec));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out.size(), 3U << 20U);
  EXPECT_EQ(output->err.size(), 3U << 20U);
}

TEST(RunProcess, OutputIsBounded) {
  // Goal: more than the limit is read and dropped, and the program still ends by itself.
  const auto output = run(shell("head -c 70000000 /dev/zero"));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out.size(), kCapturedBytesMax);
  EXPECT_TRUE(output->exit.ok());
}

TEST(RunProcess, InputEndsEvenWhenEmpty) {
  // Goal: a program that reads its input to the end does not wait for ours.
  EXPECT_EQ(run(shell("cat"))->out, "");
  auto spec = shell("cat");
  spec.input = "text";
  EXPECT_EQ(run(std::move(spec))->out, "text");
}

TEST(RunProcess, BackgroundOffspringIsNotWaitedFor) {
  // Goal: a daemon that keeps the pipes open does not keep us.
  const auto output = run(shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(output.has_value());
  const auto daemon = std::stoi(output->out);
  EXPECT_FALSE(ended(daemon));
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);
}

TEST(RunProcess, ATimeoutEndsTheWholeTree) {
  // Goal: at the deadline the program and its children are ended, also those that ignore SIGTERM.
  const test::TempDir dir;
  auto spec =
      shell("trap '' TERM; sleep 1000 & echo $$ $! > pids.new; mv pids.new pids; wait; wait");
  spec.working_dir = dir.path();
  const auto output = run(std::move(spec), Millis(500));
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, ErrorCode::TimedOut);
  EXPECT_THAT(output.error().detail, HasSubstr("/bin/sh"));
  int shell_pid = 0;
  int sleep_pid = 0;
  ASSERT_EQ(std::sscanf(read_file(dir / "pids", 100)->c_str(), "%d %d", &shell_pid, &sleep_pid), 2);
  EXPECT_TRUE(test::wait_until([&] { return ended(shell_pid) && ended(sleep_pid); }));
}

TEST(RunProcess, AStopEndsItAsCancelled) {
  // Goal: a stop request ends the program at once, with Cancelled.
  std::stop_source source;
  source.request_stop();
  const auto output = run(shell("sleep 1000"), test::kPatience, source.get_token());
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, ErrorCode::Cancelled);
}

TEST(RunProcess, DestructionKillsAndReaps) {
  // Goal: when the loop goes away in the middle, so does the program, and no zombie stays.
  const test::TempDir dir;
  auto loop = std::make_unique<Loop>();
  auto spec = shell("echo $$ > pid.new; mv pid.new pid; exec sleep 1000");
  spec.working_dir = dir.path();
  loop->spawn(forget(run_process(*loop, spec, kNever)));
  static_cast<void>(loop->run_until_complete(loop->sleep_for(Millis(0))));
  ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(dir / "pid"); }));
  const auto pid = std::stoi(*read_file(dir / "pid", 20));
  loop.reset();
  EXPECT_EQ(read_proc_stat(pid).error().code, ErrorCode::NotFound);
}

TEST(RunProcess, NothingOfOursIsInherited) {
  // Goal: no descriptor above 2, no blocked or ignored signal reaches the program.
  const int leaky = ::open("/dev/null", O_RDONLY);  // deliberately without O_CLOEXEC
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto output =
      run(shell("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status"));
  std::signal(SIGPIPE, old_pipe);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leaky);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out,
            "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");  // 3: ls's own
}

TEST(RunProcess, DropsEveryRight) {
  // Goal: as another account there is no way back: all ids, groups, home and directory are its own.
  if (!running_as_root()) GTEST_SKIP() << "needs root";
  auto spec = shell("grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status; echo $HOME $USER; pwd");
  spec.run_as = account_by_name("nobody").value();
  const test::TempDir dir;  // 0700, root's
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  const auto output = run(std::move(spec));
  std::filesystem::current_path(before);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out,
            "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
            "Groups:\t65534 \nCapEff:\t0000000000000000\n/nonexistent nobody\n/\n");
}

TEST(RunProcess, OutputFileBelongsToTheAccount) {
  // Goal: a log made by root for a server is the server's to read, and a link is not followed.
  if (!running_as_root()) GTEST_SKIP() << "needs root";
  const test::TempDir dir;
  auto spec = shell("echo logged");
  spec.run_as = account_by_name("nobody").value();
  spec.output_file = dir / "log";
  ASSERT_TRUE(run(spec).has_value());
  EXPECT_EQ(read_file(dir / "log", 100), "logged\n");
  std::filesystem::create_symlink("/etc/passwd", dir / "link");
  spec.output_file = dir / "link";
  EXPECT_FALSE(run(spec).has_value());
}

TEST(RunProcess, WithoutRootDroppingIsAnError) {
  // Goal: a failed drop never runs the program with the rights it had.
  if (!running_as_root()) GTEST_SKIP() << "needs root to become somebody else first";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    auto spec = shell("true");
    spec.run_as = Account{"root", 0, 0, "/root"};
    const auto output = run(spec);
    ::_exit(!output && output.error().code == ErrorCode::Spawn ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pgkeel::runtime
