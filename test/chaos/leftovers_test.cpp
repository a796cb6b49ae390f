// What a stage leaves behind when it goes: nothing, whatever was done to its guard before.
#include <algorithm>
#include <csignal>
#include <optional>
#include <stdexcept>

#include "chaos/archived.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "runtime/proc.hpp"
#include "runtime/process.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

// Whether a process that holds the lock of backups lives.
bool backup_works(const app::Stage& stage) {
  const auto lock = stage.config().state_dir / "jobs" / "backup.lock";
  const auto taken = runtime::FileLock::acquire(lock, "a test that looks");
  return !taken && taken.error().code == ErrorCode::StateLocked;
}

runtime::ProcessHandle start_backup(const app::Stage& stage) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY, "backup", "now", "--config",
               (stage.directory() / "pgkeel.toml").string()};
  spec.environment = {{"PGKEEL_ARCHIVE_STORE", (stage.directory() / "archive").string()}};
  spec.output_file = stage.directory() / "backup.log";
  spec.session = runtime::ProcessSpec::Session::New;
  auto backup = runtime::start_process(spec);
  if (!backup) throw std::runtime_error(backup.error().message());
  return *std::move(backup);
}

// A backup that waits for its WAL for as long as the receiver hangs: the killed guard's own, or
// another one when that had ended.
bool leave_a_backup(const app::Stage& stage) {
  std::optional<runtime::ProcessHandle> ours;
  return test::wait_until([&] {
    if (backup_works(stage)) return true;
    if (!ours || !ours->alive()) ours.emplace(start_backup(stage));
    return false;
  });
}

TEST(Leftovers, NothingRunsAndNothingIsThereAfterAStage) {
  // Goal: a guard that was killed, a receiver that hangs, a job that waits: all of it ends with the
  // stage, and its directory is gone (X8).
  fs::path directory;
  {
    Archived archived;
    ASSERT_TRUE(archived.built());
    auto& stage = archived.stage();
    directory = stage.directory();
    ASSERT_TRUE(archived.await_backup());
    ASSERT_TRUE(stage.kill_guard().has_value());
    const auto receiver = archived.status();
    ASSERT_TRUE(receiver.has_value());
    ASSERT_EQ(::kill(receiver->pid, SIGSTOP), 0);
    ASSERT_TRUE(test::wait_until([&] { return test::proc_state(receiver->pid) == 'T'; }));
    ASSERT_TRUE(leave_a_backup(stage));
    EXPECT_THAT(test::pids_about(directory), testing::Contains(receiver->pid));
  }
  EXPECT_THAT(test::pids_about(directory), testing::IsEmpty());
  EXPECT_FALSE(fs::exists(directory));
}

// The directory of the demo that process is: its guard's configuration lies in it.
fs::path directory_of_demo(pid_t demo) {
  for (const auto pid : runtime::list_pids()) {
    const auto stat = runtime::read_proc_stat(pid);
    if (!stat || stat->parent != demo) continue;
    const auto words = runtime::read_proc_cmdline(pid);
    if (!words) continue;
    const auto config = std::ranges::find(*words, "--config");
    if (config != words->end() && config + 1 != words->end())
      return fs::path(*(config + 1)).parent_path();
  }
  return {};
}

TEST(Leftovers, ADemoThatIsStoppedLeavesNothing) {
  // Goal: Ctrl-C in the middle of a demo: its guard, its server and its directory go with it (X8).
  runtime::Loop loop;
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY, "demo", "--fault", "server_killed"};
  spec.session = runtime::ProcessSpec::Session::New;
  const auto demo = runtime::start_process(spec);
  ASSERT_TRUE(demo.has_value()) << demo.error().message();
  fs::path directory;
  ASSERT_TRUE(test::wait_until([&] {
    directory = directory_of_demo(demo->pid());
    return !directory.empty() && fs::exists(directory / "data" / "postmaster.pid");
  }));
  ASSERT_TRUE(demo->signal(SIGINT).has_value());
  const auto ended = loop.run_until_complete(demo->wait_exit(loop, loop.after(kPatience)));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 1) << (*ended)->describe();
  EXPECT_THAT(test::pids_about(directory), testing::IsEmpty());
  EXPECT_FALSE(fs::exists(directory));
}

}  // namespace
}  // namespace pgkeel::chaos
