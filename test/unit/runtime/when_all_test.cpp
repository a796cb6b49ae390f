// when_all: several tasks joined, in order, whether they end at once or later.
#include "runtime/when_all.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/loop.hpp"

namespace pgkeel::runtime {
namespace {

Task<std::string> labelled(Event* event, std::string label, std::vector<std::string>* order) {
  if (event != nullptr) static_cast<void>(co_await event->wait_until(kNever));
  order->push_back(label);
  co_return label;
}

Task<void> notify(Event* event) {
  event->notify_all();
  co_return;
}

Task<void> hold(std::shared_ptr<int> held, Event* event) {
  const auto kept = std::move(held);
  static_cast<void>(co_await event->wait_until(kNever));
}

Task<std::vector<std::string>> three(Loop* loop, std::vector<std::string>* order) {
  Event first(*loop);
  Event second(*loop);
  std::vector<Task<std::string>> tasks;
  tasks.push_back(labelled(&second, "a", order));
  tasks.push_back(labelled(&first, "b", order));
  tasks.push_back(labelled(nullptr, "c", order));
  loop->post([&first, &second] {
    first.notify_all();
    second.notify_all();
  });
  co_return co_await when_all(std::move(tasks));
}

TEST(WhenAll, ValuesAreInTheTasksOrder) {
  // Goal: tasks run side by side and their values come back in the order the tasks were given.
  Loop loop;
  std::vector<std::string> order;
  const auto values = loop.run_until_complete(three(&loop, &order));
  EXPECT_EQ(values, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(order, (std::vector<std::string>{"c", "b", "a"}));
}

TEST(WhenAll, NothingToDoEndsAtOnce) {
  // Goal: no tasks at all is no endless wait.
  Loop loop;
  EXPECT_TRUE(loop.run_until_complete(when_all(std::vector<Task<int>>())).empty());
  loop.run_until_complete(when_all(std::vector<Task<void>>()));
}

TEST(WhenAll, DestructionFreesTheUnfinished) {
  // Goal: destroying the awaiting coroutine frees the branches that have not ended.
  const auto held = std::make_shared<int>(1);
  {
    Loop loop;
    Event never(loop);
    Event unused(loop);
    std::vector<Task<void>> tasks;
    tasks.push_back(hold(held, &never));
    tasks.push_back(notify(&unused));
    loop.spawn(when_all(std::move(tasks)));
    loop.post([&loop] { loop.stop(); });
    loop.run();
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace pgkeel::runtime
