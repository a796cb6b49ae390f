// The event loop: one thread that runs every coroutine of a process, and a small pool for work that
// blocks (SQLite, fsync, directory walks). Asio is inside loop.cpp and nowhere visible from here.
// Guarantees: everything awaited resumes on the loop's thread; every wait has a deadline; a
// requested stop ends a wait with ErrorCode::Cancelled. It refuses to be shared between threads:
// only post() and stop() may be called from another one.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <type_traits>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/task.hpp"

namespace pgkeel::runtime {

/// "No deadline", for waits that only a stop request may end.
inline constexpr SteadyTime kNever = SteadyTime::max();

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Starts a coroutine nobody awaits. Its frame is freed when it ends; on the loop's destruction
  /// the frames of unfinished ones are destroyed.
  void spawn(Task<void> task);
  /// Runs the loop until `task` has ended and returns its result; for commands and tests.
  template <class T>
  T run_until_complete(Task<T> task);
  /// Runs until stop().
  void run();
  /// Ends run(); may be called from any thread and from signal-waiting coroutines.
  void stop();
  /// Queues a call for the loop's thread; may be called from any thread.
  void post(std::move_only_function<void()> call);

  [[nodiscard]] SteadyTime now() const { return SteadyClock::now(); }
  [[nodiscard]] SteadyTime after(Millis delay) const { return now() + delay; }

  /// Ends at `when`; Cancelled when `stop` was requested first.
  Task<Result<void>> sleep_until(SteadyTime when, std::stop_token stop = {});
  Task<Result<void>> sleep_for(Millis delay, std::stop_token stop = {});

  /// Ends when `fd` is readable (or at end-of-file, or in error: the next read tells). TimedOut at
  /// the deadline, Cancelled on stop. The fd stays the caller's and may be closed afterwards;
  /// several waits on one fd at once are allowed.
  Task<Result<void>> wait_readable(int fd, SteadyTime deadline, std::stop_token stop = {});
  Task<Result<void>> wait_writable(int fd, SteadyTime deadline, std::stop_token stop = {});

  /// Runs `work` on the blocking pool and resumes here with what it returned. `work` must not touch
  /// anything the loop's thread uses. The queue is bounded by the number of awaiting coroutines.
  template <class Work>
  Task<std::invoke_result_t<Work&>> run_blocking(Work work);

 private:
  friend class Event;
  struct State;
  std::unique_ptr<State> state_;

  Task<void> run_on_pool(std::move_only_function<void()> work);
};

/// A condition coroutines wait for. notify_all() wakes everyone now waiting; there is no memory, so
/// a waiter checks its own state before and after. Lives on the loop's thread.
class Event {
 public:
  explicit Event(Loop& loop);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void notify_all();
  /// Done on notify, TimedOut at the deadline, Cancelled on stop.
  Task<Result<void>> wait_until(SteadyTime deadline, std::stop_token stop = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

namespace detail {

template <class T>
Task<void> store_then_stop(Task<T> task, std::optional<T>* result, Loop* loop) {
  result->emplace(co_await task);
  loop->stop();
}
inline Task<void> run_then_stop(Task<void> task, Loop* loop) {
  co_await task;
  loop->stop();
}

}  // namespace detail

template <class T>
T Loop::run_until_complete(Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    spawn(detail::run_then_stop(std::move(task), this));
    run();
  } else {
    std::optional<T> result;
    spawn(detail::store_then_stop(std::move(task), &result, this));
    run();
    CHECK(result.has_value());
    return std::move(*result);
  }
}

template <class Work>
Task<std::invoke_result_t<Work&>> Loop::run_blocking(Work work) {
  using Value = std::invoke_result_t<Work&>;
  if constexpr (std::is_void_v<Value>) {
    co_await run_on_pool(std::move_only_function<void()>(std::ref(work)));
  } else {
    std::optional<Value> value;
    co_await run_on_pool([&value, &work] { value.emplace(work()); });
    co_return std::move(*value);
  }
}

}  // namespace pgkeel::runtime
