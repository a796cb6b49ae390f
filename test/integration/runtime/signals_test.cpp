// Signals as awaitable events, in this process.
#include "runtime/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace pgkeel::runtime {
namespace {

TEST(SignalWatcher, GivesEachSignal) {
  // Goal: signals sent before and during the wait arrive as values; a deadline ends the wait.
  Loop loop;
  auto watcher = SignalWatcher::create(loop, {SIGUSR1, SIGHUP});
  ASSERT_TRUE(watcher.has_value());
  ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
  EXPECT_EQ(*loop.run_until_complete(watcher->next()), SIGHUP);
  loop.post([] { ::kill(::getpid(), SIGUSR1); });
  EXPECT_EQ(*loop.run_until_complete(watcher->next()), SIGUSR1);
  const auto none = loop.run_until_complete(watcher->next(loop.after(Millis(1))));
  EXPECT_EQ(none.error().code, ErrorCode::TimedOut);
}

TEST(SignalWatcher, StopEndsTheWait) {
  // Goal: a stop request ends the wait with Cancelled.
  Loop loop;
  auto watcher = SignalWatcher::create(loop, {SIGUSR2});
  ASSERT_TRUE(watcher.has_value());
  std::stop_source source;
  source.request_stop();
  const auto stopped = loop.run_until_complete(watcher->next(kNever, source.get_token()));
  EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace pgkeel::runtime
