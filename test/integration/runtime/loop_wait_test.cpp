// Waits on real descriptors and real time.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <thread>

#include "runtime/fd.hpp"
#include "runtime/loop.hpp"
#include "runtime/when_all.hpp"
#include "support/wait.hpp"

namespace pgkeel::runtime {
namespace {

using Outcome = Result<void>;

struct Pair {
  Fd near;
  Fd far;
};

Pair make_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

void say(const Fd& fd) { EXPECT_EQ(::send(fd.get(), "x", 1, MSG_NOSIGNAL), 1); }

Task<void> say_later(Loop* loop, const Fd* fd) {
  static_cast<void>(co_await loop->sleep_for(Millis(1)));
  say(*fd);
}

Task<void> store(Task<Outcome> wait, std::optional<Outcome>* outcome) { *outcome = co_await wait; }

Task<void> stop_later(Loop* loop, std::stop_source* source) {
  static_cast<void>(co_await loop->sleep_for(Millis(1)));
  source->request_stop();
}

ErrorCode code_of(const std::optional<Outcome>& outcome) {
  return outcome && !*outcome ? outcome->error().code : ErrorCode::Failed;
}

Task<std::vector<Outcome>> wait_twice(Loop* loop, int fd) {
  std::vector<Task<Outcome>> waits;
  waits.push_back(loop->wait_readable(fd, loop->after(test::kPatience)));
  waits.push_back(loop->wait_readable(fd, loop->after(test::kPatience)));
  co_return co_await when_all(std::move(waits));
}

TEST(LoopWait, TwoWaitsOnOneDescriptorBothEnd) {
  // Goal: several waits on one descriptor at once are allowed and all are woken.
  Loop loop;
  const auto pair = make_pair();
  loop.spawn(say_later(&loop, &pair.far));
  const auto outcomes = loop.run_until_complete(wait_twice(&loop, pair.near.get()));
  EXPECT_TRUE(outcomes[0] && outcomes[1]);
}

TEST(LoopWait, AReadyDescriptorWinsOverAPassedDeadline) {
  // Goal: a deadline in the past still finds bytes that are there, and times out when none are.
  Loop loop;
  const auto pair = make_pair();
  const auto past = loop.now() - Seconds(1);
  EXPECT_EQ(loop.run_until_complete(loop.wait_readable(pair.near.get(), past)).error().code,
            ErrorCode::TimedOut);
  say(pair.far);
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable(pair.near.get(), past)));
}

TEST(LoopWait, AStopWinsOverAReadyDescriptor) {
  // Goal: once stopped, nothing goes on by accident.
  Loop loop;
  const auto pair = make_pair();
  say(pair.far);
  std::stop_source source;
  source.request_stop();
  const auto outcome =
      loop.run_until_complete(loop.wait_readable(pair.near.get(), kNever, source.get_token()));
  EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled);
}

TEST(LoopWait, EndOfFileAndErrorsAreReadable) {
  // Goal: a closed peer and even a closed descriptor end the wait; the next read tells.
  Loop loop;
  auto pair = make_pair();
  pair.far.reset();
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable(pair.near.get(), kNever)));
  const int closed = pair.near.get();
  pair.near.reset();
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable(closed, kNever)));
}

TEST(LoopWait, AReusedDescriptorIsNotConfused) {
  // Goal: a number closed and given to another socket waits for the new one only.
  Loop loop;
  auto first = make_pair();
  std::optional<Outcome> old_outcome;
  const int number = first.near.get();
  loop.spawn(store(loop.wait_readable(number, loop.after(Millis(1))), &old_outcome));
  static_cast<void>(loop.run_until_complete(loop.sleep_for(Millis(20))));
  EXPECT_EQ(code_of(old_outcome), ErrorCode::TimedOut);
  first.near.reset();
  const auto second = make_pair();
  ASSERT_EQ(second.near.get(), number);
  loop.spawn(say_later(&loop, &second.far));
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable(number, loop.after(test::kPatience))));
}

TEST(LoopWait, WritableAndEither) {
  // Goal: a socket with room is writable; waiting for either ends with the first.
  Loop loop;
  const auto pair = make_pair();
  EXPECT_TRUE(loop.run_until_complete(loop.wait_writable(pair.near.get(), kNever)));
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable_or_writable(pair.near.get(), kNever)));
  const std::array<char, 65536> bytes{};
  while (::send(pair.near.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) continue;
  const auto full = loop.run_until_complete(
      loop.wait_readable_or_writable(pair.near.get(), loop.after(Millis(1))));
  EXPECT_FALSE(full.has_value());
  say(pair.far);
  EXPECT_TRUE(loop.run_until_complete(loop.wait_readable_or_writable(pair.near.get(), kNever)));
}

TEST(LoopWait, SleepsTakeTheirTime) {
  // Goal: a sleep is never shorter than asked, and a stop from the loop's own thread ends one.
  Loop loop;
  const auto begun = loop.now();
  EXPECT_TRUE(loop.run_until_complete(loop.sleep_for(Millis(30))));
  EXPECT_GE(loop.now() - begun, Millis(30));
  std::stop_source source;
  loop.spawn(stop_later(&loop, &source));
  const auto stopped = loop.run_until_complete(loop.sleep_until(kNever, source.get_token()));
  EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
}

Task<Outcome> sleep_and_stop_often(Loop* loop, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    std::stop_source source;
    std::jthread other([&source] { source.request_stop(); });
    const auto slept = co_await loop->sleep_for(Millis(round % 2), source.get_token());
    if (!slept && slept.error().code != ErrorCode::Cancelled) co_return slept;
  }
  co_return Outcome();
}

TEST(LoopWait, StopsAndDeadlinesRaceSafely) {
  // Goal: a stop from another thread in the very moment a wait ends harms nothing (for TSan, ASan).
  Loop loop;
  EXPECT_TRUE(loop.run_until_complete(sleep_and_stop_often(&loop, 500)));
}

}  // namespace
}  // namespace pgkeel::runtime
