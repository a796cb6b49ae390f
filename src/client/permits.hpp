// A counting semaphore for coroutines: first come, first served, a bounded queue, a deadline for
// each waiter. The pool stands on it. Lives on the loop's thread.
#pragma once

#include <cstddef>
#include <deque>

#include "base/result.hpp"
#include "client/limit.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::client {

class Permits {
 public:
  Permits(runtime::Loop& loop, std::size_t count, std::size_t waiters_max);
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;

  /// Done when the caller holds a permit. PoolExhausted at once when the queue is full, TimedOut at
  /// the deadline, Cancelled on stop, WrongState after close().
  runtime::Task<Result<void>> acquire(Limit limit);
  /// Hands the permit to the longest waiter, or keeps it for the next caller.
  void release();
  /// Ends all waits; nobody gets a permit any more.
  void close();

  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  [[nodiscard]] std::size_t free() const { return free_; }

 private:
  struct Waiter {
    explicit Waiter(runtime::Loop& loop) : woken(loop) {}
    runtime::Event woken;
    bool granted = false;
  };
  // In the queue while the coroutine lives, also when its frame is destroyed in the middle.
  class Place;

  runtime::Loop* loop_;
  std::size_t free_;
  std::size_t waiters_max_;
  bool closed_ = false;
  std::deque<Waiter*> queue_;
};

}  // namespace pgkeel::client
