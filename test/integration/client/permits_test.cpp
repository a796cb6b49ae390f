// The waiting line of the pool, without a server.
#include "client/permits.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pgkeel::client {
namespace {

using runtime::Task;

constexpr Millis kLong{20'000};

Task<void> take_and_note(Permits* permits, SteadyTime deadline, int name, std::vector<int>* order) {
  const auto taken = co_await permits->acquire(deadline);
  order->push_back(taken ? name : -name);
}

Task<void> until_size(runtime::Loop* loop, const std::vector<int>* order, std::size_t size) {
  while (order->size() < size) static_cast<void>(co_await loop->sleep_for(Millis(1)));
}

TEST(PermitsTest, WaitersAreServedInOrder) {
  // Goal: B4 - first come, first served; a newcomer does not overtake.
  runtime::Loop loop;
  Permits permits(loop, 1, 8);
  std::vector<int> order;
  for (int name = 1; name <= 4; ++name)
    loop.spawn(take_and_note(&permits, loop.after(kLong), name, &order));
  loop.run_until_complete(until_size(&loop, &order, 1));
  EXPECT_EQ(permits.waiting(), 3U);
  for (std::size_t size = 2; size <= 4; ++size) {
    permits.release();
    loop.run_until_complete(until_size(&loop, &order, size));
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(PermitsTest, TheLineIsBoundedAndLeavesAtItsDeadline) {
  // Goal: B4 - too many waiters are refused at once, a waiter whose time is over leaves the line.
  runtime::Loop loop;
  Permits permits(loop, 0, 1);
  std::vector<int> order;
  loop.spawn(take_and_note(&permits, loop.after(Millis(30)), 1, &order));
  loop.spawn(take_and_note(&permits, loop.after(kLong), 2, &order));
  loop.run_until_complete(until_size(&loop, &order, 2));
  EXPECT_EQ(order, (std::vector<int>{-2, -1}));
  EXPECT_EQ(permits.waiting(), 0U);
  permits.release();
  EXPECT_EQ(permits.free(), 1U);
}

TEST(PermitsTest, ClosingEndsAllWaits) {
  // Goal: nobody waits on a pool that is gone.
  runtime::Loop loop;
  Permits permits(loop, 0, 8);
  std::vector<int> order;
  loop.spawn(take_and_note(&permits, loop.after(kLong), 1, &order));
  loop.post([&permits] { permits.close(); });
  loop.run_until_complete(until_size(&loop, &order, 1));
  EXPECT_EQ(order, std::vector<int>{-1});
}

}  // namespace
}  // namespace pgkeel::client
