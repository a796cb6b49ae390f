// What the loop is made of: waits, a list of coroutines ready to go on, and one poll(2) a turn.
// Private to the room. poll rather than epoll: the guard watches a few dozen descriptors for short
// waits, so registering costs more than scanning, and a closed and reused descriptor can never be
// confused with an old registration because there is none (docs/adr/0001 has the numbers).
#pragma once

#include <poll.h>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/fd.hpp"
#include "runtime/list_hook.hpp"

namespace pgkeel::runtime::detail {

class Reactor;

enum class Outcome : std::uint8_t { Pending, Done, TimedOut, Cancelled };

/// Done: nothing; TimedOut and Cancelled: the error of that code.
[[nodiscard]] Result<void> to_result(Outcome outcome);

/// One wait of one coroutine, living in its frame: say what ends it, then co_await it. The first
/// cause wins. Destroying it at any time, suspended or ready, takes it out of the reactor.
class Waiter : public ListHook {
 public:
  explicit Waiter(Reactor& reactor) : reactor_(&reactor) {}
  ~Waiter();

  void until_polled(int fd, short events);
  void until(SteadyTime deadline);
  void until_stopped(std::stop_token stop);
  /// Another thread will end it through Reactor::fire_later.
  void until_fired_remotely() { remote_ = true; }
  /// Ends in the next turn of the loop.
  void until_next_turn() { fire(Outcome::Done); }

  /// Ends the wait unless it has ended; the coroutine resumes in this or the next turn.
  void fire(Outcome outcome);

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) noexcept { caller_ = caller; }
  [[nodiscard]] Outcome await_resume() const noexcept { return outcome_; }

 private:
  friend class Reactor;
  struct OnStop {
    Waiter* waiter;
    void operator()() const noexcept;
  };

  void leave();

  static constexpr std::size_t kNotPolled = 0;  // slot 0 is the reactor's own

  Reactor* reactor_;
  std::coroutine_handle<> caller_;
  std::size_t poll_slot_ = kNotPolled;
  std::optional<std::multimap<SteadyTime, Waiter*>::iterator> timer_;
  std::optional<std::stop_callback<OnStop>> on_stop_;
  Outcome outcome_ = Outcome::Pending;
  bool remote_ = false;
};

class Reactor {
 public:
  Reactor();

  void run();
  void stop();                                       ///< any thread
  void post(std::move_only_function<void()> call);   ///< any thread
  void fire_later(Waiter& waiter, Outcome outcome);  ///< any thread
  /// After this no earlier fire_later() of `waiter` has an effect.
  void forget(const Waiter& waiter);

 private:
  friend class Waiter;
  using Calls = std::vector<std::move_only_function<void()>>;

  void turn();
  void wait_for_events();
  Calls take_remote();
  void fire_polled();
  void fire_timers();
  void resume_ready();
  void wake() const;

  Fd wake_;
  std::vector<pollfd> polled_;    // [0] is wake_
  std::vector<Waiter*> pollers_;  // the waiter of each entry of polled_
  std::multimap<SteadyTime, Waiter*> timers_;
  ListHook ready_;
  bool running_ = false;
  std::atomic<bool> stop_requested_ = false;

  std::mutex mutex_;  // guards what other threads hand in
  std::vector<std::pair<Waiter*, Outcome>> fires_;
  Calls calls_;
};

}  // namespace pgkeel::runtime::detail
