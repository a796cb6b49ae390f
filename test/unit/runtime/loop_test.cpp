// The loop without waiting for time: deadlines here lie in the past or never come.
#include "runtime/loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/task_group.hpp"

namespace pgkeel::runtime {
namespace {

Task<void> note_when_due(Loop* loop, SteadyTime when, int number, std::vector<int>* order) {
  const auto slept = co_await loop->sleep_until(when);
  if (slept) order->push_back(number);
}

Task<ErrorCode> sleep_code(Loop* loop, std::stop_token stop) {
  const auto slept = co_await loop->sleep_until(kNever, std::move(stop));
  co_return slept ? ErrorCode::Failed : slept.error().code;
}

Task<void> hold_for_ever(Loop* loop, std::shared_ptr<int> held) {
  const auto kept = std::move(held);
  static_cast<void>(co_await loop->sleep_until(kNever));
}

struct CurrentThread {
  std::thread::id operator()() const { return std::this_thread::get_id(); }
};
struct CountUp {
  int* counter;
  void operator()() const { ++*counter; }
};

Task<std::vector<std::thread::id>> threads_around_blocking(Loop* loop) {
  std::vector<std::thread::id> threads{std::this_thread::get_id()};
  const auto within = co_await loop->run_blocking(CurrentThread{});
  threads.push_back(within);
  threads.push_back(std::this_thread::get_id());
  co_return threads;
}

Task<void> count_on_pool(Loop* loop, int* counter, int* ended) {
  co_await loop->run_blocking(CountUp{counter});
  if (++*ended == 2) loop->stop();
}

// Seen by the pool's threads and the test's.
struct Gate {
  std::atomic<int> begun = 0;
  std::atomic<bool> open = false;
  std::atomic<int> ended = 0;
};

struct PassGate {
  std::shared_ptr<Gate> gate;
  void operator()() const {
    ++gate->begun;
    gate->begun.notify_all();
    gate->open.wait(false);
    ++gate->ended;
  }
};

Task<void> block(Loop* loop, PassGate work) { co_await loop->run_blocking(std::move(work)); }

Task<void> end_at_once() { co_return; }

// Runs until everything that was ready has run.
void run_briefly(Loop& loop) {
  loop.post([&loop] { loop.post([&loop] { loop.stop(); }); });
  loop.run();
}

TEST(Loop, PassedDeadlinesResumeInTheirOrder) {
  // Goal: timers fire by deadline, and those of one deadline in the order they were set.
  Loop loop;
  std::vector<int> order;
  const auto past = SteadyTime() + Seconds(1);
  loop.spawn(note_when_due(&loop, past + Millis(3), 4, &order));
  loop.spawn(note_when_due(&loop, past + Millis(1), 1, &order));
  loop.spawn(note_when_due(&loop, past + Millis(2), 2, &order));
  loop.spawn(note_when_due(&loop, past + Millis(2), 3, &order));
  loop.spawn(note_when_due(&loop, kNever, 5, &order));
  run_briefly(loop);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(Loop, StopRequestedBeforeEndsTheWait) {
  // Goal: waiting with a stop already requested returns Cancelled.
  Loop loop;
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(loop.run_until_complete(sleep_code(&loop, source.get_token())), ErrorCode::Cancelled);
}

TEST(Loop, StopRequestedByAnotherThreadEndsTheWait) {
  // Goal: a stop request from a foreign thread wakes the waiter on the loop's thread.
  Loop loop;
  std::stop_source source;
  std::jthread other([&source] { source.request_stop(); });
  EXPECT_EQ(loop.run_until_complete(sleep_code(&loop, source.get_token())), ErrorCode::Cancelled);
}

TEST(Loop, StopRequestedAfterTheWaiterIsGoneDoesNothing) {
  // Goal: a stop source may outlive the loop and its frames.
  std::stop_source source;
  const auto held = std::make_shared<int>(0);
  {
    Loop loop;
    loop.spawn(hold_for_ever(&loop, held));
    run_briefly(loop);
    EXPECT_EQ(held.use_count(), 2);
  }
  source.request_stop();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, SpawnedButNeverRunIsFreed) {
  // Goal: a loop that never runs frees what was spawned on it.
  const auto held = std::make_shared<int>(0);
  {
    Loop loop;
    loop.spawn(hold_for_ever(&loop, held));
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, PostedCallsRunInOrderOnTheLoopsThread) {
  // Goal: post() from many threads runs every call once, on the loop's thread.
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kCalls = 500;
  int count = 0;
  const auto here = std::this_thread::get_id();
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&loop, &count, here] {
      for (int call = 0; call < kCalls; ++call) {
        loop.post([&loop, &count, here] {
          EXPECT_EQ(std::this_thread::get_id(), here);
          if (++count == kThreads * kCalls) loop.stop();
        });
      }
    });
  }
  loop.run();
  EXPECT_EQ(count, kThreads * kCalls);
}

TEST(Loop, StopBeforeRunIsNotLost) {
  // Goal: stop() before run() makes the next run() return, and only that one.
  Loop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, BlockingWorkRunsElsewhereAndResumesHere) {
  // Goal: run_blocking leaves the loop's thread for the work and comes back to it.
  Loop loop;
  const auto threads = loop.run_until_complete(threads_around_blocking(&loop));
  EXPECT_EQ(threads[0], std::this_thread::get_id());
  EXPECT_NE(threads[1], threads[0]);
  EXPECT_EQ(threads[2], threads[0]);
}

TEST(Loop, BlockingWorkWithoutAValue) {
  // Goal: work that returns nothing is awaited all the same.
  Loop loop;
  int first = 0;
  int second = 0;
  int ended = 0;
  loop.spawn(count_on_pool(&loop, &first, &ended));
  loop.spawn(count_on_pool(&loop, &second, &ended));
  loop.run();
  EXPECT_EQ(first + second, 2);
}

TEST(Loop, DestructionWaitsForBegunWork) {
  // Goal: work that has begun ends before the frame it refers to is freed, queued or not.
  const auto gate = std::make_shared<Gate>();
  std::jthread opener;
  {
    Loop loop;
    for (int i = 0; i < 4; ++i) loop.spawn(block(&loop, PassGate{gate}));
    run_briefly(loop);
    for (int begun = gate->begun; begun < 2; begun = gate->begun) gate->begun.wait(begun);
    opener = std::jthread([gate] {
      gate->open = true;
      gate->open.notify_all();
    });
  }
  EXPECT_GE(gate->begun, 2);
  EXPECT_EQ(gate->ended, gate->begun);
}

TEST(TaskGroup, CountsAndFreesItsMembers) {
  // Goal: a group knows how many of its members run, and its end is theirs.
  Loop loop;
  const auto held = std::make_shared<int>(0);
  {
    TaskGroup group(loop);
    group.spawn(hold_for_ever(&loop, held));
    group.spawn(hold_for_ever(&loop, held));
    group.spawn(end_at_once());
    EXPECT_EQ(group.size(), 3U);
    run_briefly(loop);
    EXPECT_EQ(group.size(), 2U);
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Stepped, EndsRegularWaitsTogetherAtTheirOwnPace) {
  // Goal: waits that began apart end at the same moment, and the next one lasts what was asked.
  const SteadyTime start{Millis{10'000'140}};
  EXPECT_EQ(stepped(start, Millis{500}), SteadyTime(Millis{10'000'500}));
  EXPECT_EQ(stepped(start + Millis{200}, Millis{500}), SteadyTime(Millis{10'001'000}));
  for (const Millis late : {Millis{0}, Millis{1}, Millis{200}}) {
    EXPECT_EQ(stepped(SteadyTime(Millis{20'000}) + late, Millis{500}), SteadyTime(Millis{20'500}));
    EXPECT_EQ(stepped(SteadyTime(Millis{20'000}) + late, Millis{1'000}),
              SteadyTime(Millis{21'000}));
  }
}

TEST(Stepped, LeavesShortWaitsExact) {
  // Goal: who waits for less than a step is not kept.
  const SteadyTime start{Millis{10'000'140}};
  EXPECT_EQ(stepped(start, Millis{499}), start + Millis{499});
}

}  // namespace
}  // namespace pgkeel::runtime
