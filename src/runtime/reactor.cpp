// See reactor.hpp. Order within a turn: poll, what other threads sent (stop requests among it),
// ready descriptors, passed deadlines, then the coroutines all of these woke, then posted calls.
// Only the last two run foreign code, so nothing changes under the steps before them.
#include "runtime/reactor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/check.hpp"
#include "base/log.hpp"

namespace pgkeel::runtime::detail {
namespace {

// A process that cannot have one descriptor at its start can do nothing at all.
Fd make_wake_fd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (fd.valid()) return fd;
  log_error("no descriptor for the event loop", {{"errno", errno}});
  std::_Exit(EXIT_FAILURE);
}

timespec to_timespec(SteadyClock::duration duration) {
  const auto seconds = std::chrono::floor<Seconds>(duration);
  return {.tv_sec = seconds.count(),
          .tv_nsec = std::chrono::nanoseconds(duration - seconds).count()};
}

}  // namespace

Result<void> to_result(Outcome outcome) {
  switch (outcome) {
    case Outcome::TimedOut: return fail(ErrorCode::TimedOut, "timed out");
    case Outcome::Cancelled: return fail(ErrorCode::Cancelled, "stopped");
    case Outcome::Pending:
    case Outcome::Done: break;
  }
  return {};
}

Waiter::~Waiter() {
  on_stop_.reset();  // waits for a callback that another thread is in
  if (remote_) reactor_->forget(*this);
  leave();
}

void Waiter::until_polled(int fd, short events) {
  CHECK(poll_slot_ == kNotPolled && fd >= 0);
  poll_slot_ = reactor_->polled_.size();
  reactor_->polled_.push_back({.fd = fd, .events = events, .revents = 0});
  reactor_->pollers_.push_back(this);
}

void Waiter::until(SteadyTime deadline) {
  if (deadline != SteadyTime::max()) timer_ = reactor_->timers_.emplace(deadline, this);
}

void Waiter::until_stopped(std::stop_token stop) {
  if (!stop.stop_possible()) return;
  remote_ = true;
  on_stop_.emplace(std::move(stop), OnStop{this});
}

void Waiter::OnStop::operator()() const noexcept {
  waiter->reactor_->fire_later(*waiter, Outcome::Cancelled);
}

void Waiter::fire(Outcome outcome) {
  if (outcome_ != Outcome::Pending) return;
  leave();
  outcome_ = outcome;
  reactor_->ready_.append(*this);
}

void Waiter::leave() {
  unlink();
  if (timer_) reactor_->timers_.erase(*std::exchange(timer_, std::nullopt));
  if (poll_slot_ == kNotPolled) return;
  auto& polled = reactor_->polled_;
  auto& pollers = reactor_->pollers_;
  polled[poll_slot_] = polled.back();
  pollers[poll_slot_] = pollers.back();
  pollers[poll_slot_]->poll_slot_ = poll_slot_;
  polled.pop_back();
  pollers.pop_back();
  poll_slot_ = kNotPolled;
}

Reactor::Reactor() : wake_(make_wake_fd()) {
  polled_.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
  pollers_.push_back(nullptr);
}

void Reactor::run() {
  CHECK(!running_);
  running_ = true;
  while (!stop_requested_.exchange(false)) turn();
  running_ = false;
}

void Reactor::stop() {
  stop_requested_ = true;
  wake();
}

void Reactor::post(std::move_only_function<void()> call) {
  {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
  }
  wake();
}

void Reactor::fire_later(Waiter& waiter, Outcome outcome) {
  {
    const std::scoped_lock lock(mutex_);
    fires_.emplace_back(&waiter, outcome);
  }
  wake();
}

void Reactor::forget(const Waiter& waiter) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(fires_, [&waiter](const auto& entry) { return entry.first == &waiter; });
}

void Reactor::wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake already.
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

void Reactor::turn() {
  wait_for_events();
  auto calls = take_remote();
  fire_polled();
  fire_timers();
  resume_ready();
  for (auto& call : calls) call();
}

void Reactor::wait_for_events() {
  timespec timeout{};
  const bool forever = timers_.empty() && !ready_.linked();
  if (!timers_.empty() && !ready_.linked()) {
    const auto now = SteadyClock::now();
    const auto first = timers_.begin()->first;
    if (first > now) timeout = to_timespec(first - now);
  }
  const int count = ::ppoll(polled_.data(), polled_.size(), forever ? nullptr : &timeout, nullptr);
  if (count >= 0) return;
  CHECK(errno == EINTR || errno == ENOMEM || errno == EAGAIN);
  for (auto& entry : polled_) entry.revents = 0;
}

Reactor::Calls Reactor::take_remote() {
  if (polled_[0].revents == 0) return {};
  std::uint64_t count = 0;
  static_cast<void>(::read(wake_.get(), &count, sizeof count));
  const std::scoped_lock lock(mutex_);
  for (const auto& [waiter, outcome] : fires_) waiter->fire(outcome);
  fires_.clear();
  return std::exchange(calls_, {});
}

void Reactor::fire_polled() {
  // Backwards, because firing moves the last entry, already seen, into the freed slot.
  for (std::size_t slot = polled_.size() - 1; slot > 0; --slot)
    if (polled_[slot].revents != 0) pollers_[slot]->fire(Outcome::Done);
}

void Reactor::fire_timers() {
  if (timers_.empty()) return;
  const auto now = SteadyClock::now();
  while (!timers_.empty() && timers_.begin()->first <= now)
    timers_.begin()->second->fire(Outcome::TimedOut);
}

void Reactor::resume_ready() {
  // Only those ready now, so that coroutines waking each other cannot starve the descriptors.
  ListHook batch;
  batch.take_all(ready_);
  while (batch.linked()) {
    auto& waiter = static_cast<Waiter&>(*batch.next);
    waiter.unlink();
    waiter.caller_.resume();
  }
}

}  // namespace pgkeel::runtime::detail
