// The event loop: one thread that runs every coroutine of a process, and a small pool for work that
// blocks (SQLite, fsync, directory walks). One poll(2) a turn, no framework (docs/adr/0001).
// Guarantees: everything awaited resumes on the loop's thread; every wait has a deadline; a
// requested stop ends a wait with ErrorCode::Cancelled. When several hold at once, a stop wins over
// a ready descriptor and a ready descriptor over a passed deadline. It refuses to be shared between
// threads: only post(), stop() and a stop request may come from another one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/task.hpp"

namespace pgkeel::runtime {

/// The moments regular waits share.
inline constexpr Millis kStep{500};
/// See Loop::in_step; pure.
[[nodiscard]] SteadyTime stepped(SteadyTime now, Millis delay);

/// "No deadline", for waits that only a stop request may end.
inline constexpr SteadyTime kNever = SteadyTime::max();

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Starts a coroutine nobody awaits, in the next turn of the loop. Its frame is freed when it
  /// ends; on the loop's destruction the frames of unfinished ones are destroyed, newest first,
  /// after the blocking pool has finished what it was doing.
  void spawn(Task<void> task);
  /// Runs the loop until `task` has ended and returns its result; for commands and tests. Nothing
  /// else may call stop() meanwhile.
  template <class T>
  T run_until_complete(Task<T> task);
  /// Runs until stop(), or returns at once when stop() came first. May be called again.
  void run();
  /// Ends run(); may be called from any thread and from signal-waiting coroutines.
  void stop();
  /// Queues a call for the loop's thread; may be called from any thread.
  void post(std::move_only_function<void()> call);

  [[nodiscard]] SteadyTime now() const { return SteadyClock::now(); }
  [[nodiscard]] SteadyTime after(Millis delay) const { return now() + delay; }
  /// About `delay` from now, at a moment all regular waits share: one wake-up of the processor does
  /// for several. Off by half of kStep at most; exact for what is shorter than kStep.
  [[nodiscard]] SteadyTime in_step(Millis delay) const { return stepped(now(), delay); }

  /// Ends at `when`, after at least one turn of the loop; Cancelled when `stop` was requested
  /// first.
  Task<Result<void>> sleep_until(SteadyTime when, std::stop_token stop = {});
  Task<Result<void>> sleep_for(Millis delay, std::stop_token stop = {});
  /// Until in_step(delay): what is looked at again and again.
  Task<Result<void>> sleep_in_step(Millis delay, std::stop_token stop = {});

  /// Ends when `fd` is readable (or at end-of-file, or in error: the next read tells). TimedOut at
  /// the deadline, Cancelled on stop. The fd stays the caller's and may be closed afterwards;
  /// several waits on one fd at once are allowed.
  Task<Result<void>> wait_readable(int fd, SteadyTime deadline, std::stop_token stop = {});
  Task<Result<void>> wait_writable(int fd, SteadyTime deadline, std::stop_token stop = {});
  /// For a peer that may have to be read before it takes more (libpq's PQflush).
  Task<Result<void>> wait_readable_or_writable(int fd, SteadyTime deadline,
                                               std::stop_token stop = {});

  /// Runs `work` on the blocking pool (two threads at most, started when first needed) and resumes
  /// here with what it returned. `work` must not touch anything the loop's thread uses. It cannot
  /// be cancelled once begun: destroying the awaiting coroutine waits for it. The queue is bounded
  /// by the number of awaiting coroutines.
  template <class Work>
  Task<std::invoke_result_t<Work&>> run_blocking(Work work);

 private:
  friend class Event;
  friend class TaskGroup;
  struct State;
  std::unique_ptr<State> state_;

  Task<Result<void>> wait_fd(int fd, short events, SteadyTime deadline, std::stop_token stop);
  Task<void> run_on_pool(std::move_only_function<void()> work);
};

/// A condition coroutines wait for. notify_all() wakes everyone now waiting; there is no memory, so
/// a waiter checks its own state before and after. Lives on the loop's thread; its destruction ends
/// every wait with Cancelled.
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
  std::unique_ptr<State> state_;
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
