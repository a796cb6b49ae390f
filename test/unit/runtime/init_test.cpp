// What the first process of a container does when the program it runs has ended.
#include "runtime/init.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace pgkeel::runtime {
namespace {

constexpr ExitStatus kKilled{.code = 0, .signal = SIGKILL};

TEST(AfterEnd, OwnEndIsTheEnd) {
  // A program that ends in order, or refuses to start, says how the container ends.
  EXPECT_EQ(after_end({.code = 0}, 1, 0, false).exit_code, 0);
  EXPECT_EQ(after_end({.code = 2}, 1, 0, false).exit_code, 2);
  EXPECT_EQ(after_end({.code = 0}, 1, 3, false).exit_code, 0);
}

TEST(AfterEnd, CrashIsNotTheEnd) {
  // The end of PID 1 kills the server: the guard is started again instead, later each time (A9 D6).
  Millis before{0};
  for (int crashes = 1; crashes <= 5; ++crashes) {
    const auto next = after_end(kKilled, crashes, crashes - 1, false);
    EXPECT_FALSE(next.exit_code);
    EXPECT_GT(next.pause, before);
    before = next.pause;
  }
  EXPECT_EQ(after_end(kKilled, 1000, 1000, false).pause, Millis(30'000));
}

TEST(AfterEnd, RefusalAfterACrashIsTriedAgain) {
  // What the crashed one had started runs; that its successor cannot start must not kill it.
  const auto next = after_end({.code = 3}, 2, 1, false);
  EXPECT_FALSE(next.exit_code);
  EXPECT_GT(next.pause, Millis(0));
}

TEST(AfterEnd, CrashDuringTheStopIsFollowedAtOnce) {
  // Somebody has to stop the server inside the grace; whatever that one says is the end.
  const auto next = after_end(kKilled, 1, 0, true);
  EXPECT_FALSE(next.exit_code);
  EXPECT_LE(next.pause, Millis(100));
  EXPECT_EQ(after_end({.code = 1}, 2, 1, true).exit_code, 1);
}

}  // namespace
}  // namespace pgkeel::runtime
