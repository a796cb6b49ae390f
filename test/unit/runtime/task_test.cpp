// Task without any waiting: what it carries, how deep it goes, what it frees.
#include "runtime/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/result.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {
namespace {

Task<std::string> text() { co_return "forty-two"; }
Task<std::unique_ptr<int>> boxed(int number) { co_return std::make_unique<int>(number); }
Task<Result<int>> refused() { co_return fail(ErrorCode::Refused, "no"); }

Task<Result<int>> passed_on() {
  CO_TRY(number, co_await refused());
  co_return number + 1;
}

Task<int> unboxed(int number) {
  const auto box = co_await boxed(number);
  co_return *box;
}

Task<long> count_down(long depth) {
  if (depth == 0) co_return 0;
  const auto below = co_await count_down(depth - 1);
  co_return below + 1;
}

Task<int> one() { co_return 1; }

Task<int> sum_of_ready(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    const int value = co_await one();
    sum += value;
  }
  co_return sum;
}

Task<void> suspend_holding(std::shared_ptr<int> held) {
  const auto kept = std::move(held);
  co_await std::suspend_always();
}

Task<void> await_inner(std::shared_ptr<int> held) { co_await suspend_holding(std::move(held)); }

TEST(Task, CarriesValues) {
  // Goal: a task gives its value, copied or moved, to the one who awaits it.
  Loop loop;
  EXPECT_EQ(loop.run_until_complete(text()), "forty-two");
  EXPECT_EQ(*loop.run_until_complete(boxed(7)), 7);
  EXPECT_EQ(loop.run_until_complete(unboxed(8)), 8);
}

TEST(Task, PassesErrorsOn) {
  // Goal: CO_TRY hands an error through a chain of tasks.
  Loop loop;
  const auto result = loop.run_until_complete(passed_on());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::Refused);
}

TEST(Task, DeepChainsNeedNoStack) {
  // Goal: a hundred thousand tasks awaiting each other do not overflow the stack.
  Loop loop;
  EXPECT_EQ(loop.run_until_complete(count_down(100'000)), 100'000);
}

TEST(Task, LoopsOverReadyTasksNeedNoStack) {
  // Goal: awaiting a task that ends at once, a million times, does not overflow the stack.
  Loop loop;
  EXPECT_EQ(loop.run_until_complete(sum_of_ready(1'000'000)), 1'000'000);
}

TEST(Task, NeverStartedIsFreed) {
  // Goal: a task that nobody awaits frees its arguments and runs nothing.
  const auto held = std::make_shared<int>(1);
  {
    const auto task = suspend_holding(held);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Task, UnfinishedIsFreedWithWhatItAwaits) {
  // Goal: destroying the loop frees a suspended chain of frames and what they hold.
  const auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.spawn(await_inner(held));
    loop.post([&loop] { loop.stop(); });
    loop.run();
    EXPECT_GT(held.use_count(), 1);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TaskDeathTest, AwaitingTwiceIsABug) {
  // Goal: a task awaited a second time ends the process instead of corrupting it.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto task = one();
        task.await_suspend(std::noop_coroutine());
        task.await_suspend(std::noop_coroutine());
      },
      "CHECK");
}

}  // namespace
}  // namespace pgkeel::runtime
