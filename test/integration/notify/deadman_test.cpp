// The dead-man ping over a real socket: only while all is well.
#include "notify/deadman.hpp"

#include <gtest/gtest.h>

#include "integration/notify/receiver.hpp"
#include "runtime/task_group.hpp"
#include "support/wait.hpp"

namespace pgkeel::notify {
namespace {

runtime::Task<bool> until(runtime::Loop* loop, const std::function<bool()>* met) {
  const auto deadline = loop->after(test::kPatience);
  while (!(*met)() && loop->now() < deadline)
    static_cast<void>(co_await loop->sleep_for(Millis(5)));
  co_return (*met)();
}

TEST(Deadman, PingsOnlyWhileAllIsWell) {
  // Goal: a GET each interval, silence with the reason while something is wrong, then again (E8).
  runtime::Loop loop;
  test::Receiver receiver(loop);
  receiver.open();
  runtime::WebClient client(loop);
  ChannelOptions options;
  options.name = options.kind = "deadman";
  options.url = receiver.url("/ping/secret");
  options.interval = Millis(20);
  std::string wrong;
  int asked = 0;
  const auto objection = [&] {
    ++asked;
    return wrong;
  };
  Deadman deadman(loop, client, options, objection);
  runtime::TaskGroup tasks(loop);
  tasks.spawn(deadman.run());
  const auto await = [&](const std::function<bool()>& met) {
    return loop.run_until_complete(until(&loop, &met));
  };
  ASSERT_TRUE(await([&] { return receiver.taken.size() >= 2; }));
  EXPECT_EQ(receiver.taken.front().method, "GET");
  EXPECT_EQ(receiver.taken.front().path, "/ping/secret");
  wrong = "the database does not serve";
  ASSERT_TRUE(await([&] { return !deadman.last_failure().empty(); }));
  const auto before = receiver.asked.size();
  const auto asked_before = asked;
  ASSERT_TRUE(await([&] { return asked >= asked_before + 3; }));
  EXPECT_EQ(receiver.asked.size(), before);
  EXPECT_EQ(deadman.last_failure(), "not sent: the database does not serve");
  wrong.clear();
  ASSERT_TRUE(await([&] { return receiver.asked.size() > before; }));
}

}  // namespace
}  // namespace pgkeel::notify
