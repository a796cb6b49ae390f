// How a start waits for systemd to notice a death, with a program in systemctl's place.
#include "instance/systemd_unit.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

constexpr pid_t kDead = 4'194'305;  // above the kernel's limit
constexpr Millis kNoticedAfter{2'000};

// systemctl says what the files named 1, 2, ... hold, and then the last again and again.
class SystemdUnit : public testing::Test {
 protected:
  void SetUp() override {
    const auto program = temp_ / "systemctl";
    std::ofstream(program) << "#!/bin/sh\ncd '" << temp_.path().string()
                           << "'\nn=$(($(cat asked 2>/dev/null || echo 0) + 1))\necho $n > asked\n"
                              "while [ ! -e $n ]; do n=$((n - 1)); done\ncat $n\n";
    ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
    ::setenv("PATH", (temp_.path().string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  void says(int n, std::string_view state, pid_t main_pid) {
    std::ofstream(temp_ / std::to_string(n))
        << "MainPID=" << main_pid << "\nActiveState=" << state << "\n";
  }
  Millis wait_with(std::optional<pid_t> dead) {
    const auto began = loop_.now();
    loop_.run_until_complete(await_unit_settled(&loop_, "postgresql@15-main", dead));
    return std::chrono::duration_cast<Millis>(loop_.now() - began);
  }
  int times_asked() {
    int times = 0;
    std::ifstream(temp_ / "asked") >> times;
    return times;
  }

  runtime::Loop loop_;
  test::TempDir temp_;
  std::string path_ = std::getenv("PATH");
};

TEST_F(SystemdUnit, IsAwaitedUntilTheDeathIsNoticed) {
  // Goal: while systemd believes the dead server active a start would be a no-op that reports
  // success: it waits for that, then for the stop command (D3 K43).
  says(1, "active", kDead);
  says(2, "deactivating", kDead);
  says(3, "failed", 0);
  wait_with(kDead);
  EXPECT_EQ(times_asked(), 3);
}

TEST_F(SystemdUnit, OfALivingServerIsNotAwaited) {
  // Goal: one that somebody else has started in the meantime is seen by what follows; one that
  // bears the pid of the dead has another's process, and is waited for (D3).
  says(1, "active", ::getpid());
  wait_with(kDead);
  EXPECT_EQ(times_asked(), 1);
  says(2, "active", ::getpid());
  says(3, "inactive", 0);
  wait_with(::getpid());
  EXPECT_EQ(times_asked(), 3);
}

TEST_F(SystemdUnit, IsNotAwaitedForEver) {
  // Goal: a unit that stays active without a process of its own delays a start by two seconds (D3).
  says(1, "active", 0);
  EXPECT_GE(wait_with(std::nullopt), kNoticedAfter);
  EXPECT_GE(times_asked(), 2);
}

}  // namespace
}  // namespace pgkeel::instance
