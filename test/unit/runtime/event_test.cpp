// Event: who is woken, and how a wait on it ends.
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "runtime/loop.hpp"

namespace pgkeel::runtime {
namespace {

Task<void> wait_for(Event* event, SteadyTime deadline, std::stop_token stop,
                    std::optional<Result<void>>* outcome) {
  *outcome = co_await event->wait_until(deadline, std::move(stop));
}

Task<void> wait_again_when_woken(Event* event, int* woken) {
  while (true) {
    const auto notified = co_await event->wait_until(kNever);
    if (!notified) co_return;
    ++*woken;
  }
}

void run_briefly(Loop& loop) {
  loop.post([&loop] { loop.post([&loop] { loop.stop(); }); });
  loop.run();
}

TEST(Event, NotifyWakesAllWhoWait) {
  // Goal: every waiter of the moment is woken, once.
  Loop loop;
  Event event(loop);
  int woken = 0;
  for (int i = 0; i < 3; ++i) loop.spawn(wait_again_when_woken(&event, &woken));
  run_briefly(loop);
  event.notify_all();
  run_briefly(loop);
  EXPECT_EQ(woken, 3);
}

TEST(Event, HasNoMemory) {
  // Goal: a notification nobody waited for is forgotten.
  Loop loop;
  Event event(loop);
  event.notify_all();
  std::optional<Result<void>> outcome;
  loop.spawn(wait_for(&event, kNever, {}, &outcome));
  run_briefly(loop);
  EXPECT_FALSE(outcome.has_value());
}

TEST(Event, DeadlineAndStopEndAWait) {
  // Goal: TimedOut at the deadline, Cancelled on a stop request, and the stop wins over both.
  Loop loop;
  Event event(loop);
  std::stop_source stopped;
  stopped.request_stop();
  std::optional<Result<void>> late;
  std::optional<Result<void>> cancelled;
  const auto past = SteadyTime() + Seconds(1);
  loop.spawn(wait_for(&event, past, {}, &late));
  loop.spawn(wait_for(&event, past, stopped.get_token(), &cancelled));
  run_briefly(loop);
  ASSERT_TRUE(late && !*late);
  EXPECT_EQ(late->error().code, ErrorCode::TimedOut);
  ASSERT_TRUE(cancelled && !*cancelled);
  EXPECT_EQ(cancelled->error().code, ErrorCode::Cancelled);
}

TEST(Event, DestructionEndsTheWait) {
  // Goal: a waiter does not outwait an event that is gone.
  Loop loop;
  auto event = std::make_unique<Event>(loop);
  std::optional<Result<void>> outcome;
  loop.spawn(wait_for(event.get(), kNever, {}, &outcome));
  run_briefly(loop);
  event.reset();
  run_briefly(loop);
  ASSERT_TRUE(outcome && !*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::Cancelled);
}

TEST(Event, MayOutliveTheLoop) {
  // Goal: destroying the loop first leaves no waiter behind in the event.
  auto loop = std::make_unique<Loop>();
  Event event(*loop);
  int woken = 0;
  loop->spawn(wait_again_when_woken(&event, &woken));
  run_briefly(*loop);
  loop.reset();
  event.notify_all();
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace pgkeel::runtime
