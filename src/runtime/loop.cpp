// The loop's waits, each one Waiter in a coroutine frame; the machinery is in reactor.cpp and
// blocking_pool.cpp.
#include "runtime/loop.hpp"

#include "runtime/detached.hpp"
#include "runtime/loop_state.hpp"
#include "runtime/task_group.hpp"

namespace pgkeel::runtime {

using detail::Waiter;

// To the nearest one, so that the pace stays what was asked for.
SteadyTime stepped(SteadyTime now, Millis delay) {
  const auto exact = now + delay;
  if (delay < kStep) return exact;
  const auto over = (exact.time_since_epoch() + kStep / 2) % kStep;
  return exact + kStep / 2 - over;
}

Loop::Loop() : state_(std::make_unique<State>()) {}

Loop::~Loop() {
  state_->pool.stop();
  detail::destroy_detached(state_->spawned);
}

void Loop::spawn(Task<void> task) {
  detail::run_detached(state_->reactor, state_->spawned, std::move(task));
}
void Loop::run() { state_->reactor.run(); }
void Loop::stop() { state_->reactor.stop(); }
void Loop::post(std::move_only_function<void()> call) { state_->reactor.post(std::move(call)); }

Task<Result<void>> Loop::sleep_until(SteadyTime when, std::stop_token stop) {
  Waiter waiter(state_->reactor);
  waiter.until_stopped(std::move(stop));
  waiter.until(when);
  const auto outcome = co_await waiter;
  if (outcome == detail::Outcome::Cancelled) co_return detail::to_result(outcome);
  co_return Result<void>();
}

Task<Result<void>> Loop::sleep_for(Millis delay, std::stop_token stop) {
  return sleep_until(after(delay), std::move(stop));
}

Task<Result<void>> Loop::sleep_in_step(Millis delay, std::stop_token stop) {
  return sleep_until(in_step(delay), std::move(stop));
}

Task<Result<void>> Loop::wait_fd(int fd, short events, SteadyTime deadline, std::stop_token stop) {
  Waiter waiter(state_->reactor);
  waiter.until_stopped(std::move(stop));
  waiter.until_polled(fd, events);
  waiter.until(deadline);
  const auto outcome = co_await waiter;
  co_return detail::to_result(outcome);
}

Task<Result<void>> Loop::wait_readable(int fd, SteadyTime deadline, std::stop_token stop) {
  return wait_fd(fd, POLLIN, deadline, std::move(stop));
}
Task<Result<void>> Loop::wait_writable(int fd, SteadyTime deadline, std::stop_token stop) {
  return wait_fd(fd, POLLOUT, deadline, std::move(stop));
}
Task<Result<void>> Loop::wait_readable_or_writable(int fd, SteadyTime deadline,
                                                   std::stop_token stop) {
  return wait_fd(fd, POLLIN | POLLOUT, deadline, std::move(stop));
}

Task<void> Loop::run_on_pool(std::move_only_function<void()> work) {
  Waiter waiter(state_->reactor);
  const detail::BlockingPool::Job job(state_->pool, std::move(work), waiter);
  static_cast<void>(co_await waiter);
}

struct Event::State {
  detail::Reactor* reactor;
  detail::ListHook waiting;

  void fire_all(detail::Outcome outcome) {
    while (waiting.linked()) static_cast<Waiter&>(*waiting.next).fire(outcome);
  }
};

Event::Event(Loop& loop) : state_(std::make_unique<State>(&loop.state_->reactor)) {}
Event::~Event() { state_->fire_all(detail::Outcome::Cancelled); }
void Event::notify_all() { state_->fire_all(detail::Outcome::Done); }

Task<Result<void>> Event::wait_until(SteadyTime deadline, std::stop_token stop) {
  Waiter waiter(*state_->reactor);
  waiter.until_stopped(std::move(stop));
  waiter.until(deadline);
  state_->waiting.append(waiter);
  const auto outcome = co_await waiter;
  co_return detail::to_result(outcome);
}

struct TaskGroup::State {
  detail::Reactor* reactor;
  detail::ListHook members;
};

TaskGroup::TaskGroup(Loop& loop) : state_(std::make_unique<State>(&loop.state_->reactor)) {}
TaskGroup::~TaskGroup() { detail::destroy_detached(state_->members); }

void TaskGroup::spawn(Task<void> task) {
  detail::run_detached(*state_->reactor, state_->members, std::move(task));
}

std::size_t TaskGroup::size() const {
  std::size_t count = 0;
  for (const auto* hook = state_->members.next; hook != &state_->members; hook = hook->next)
    ++count;
  return count;
}

}  // namespace pgkeel::runtime
