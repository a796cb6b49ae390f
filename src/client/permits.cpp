// See permits.hpp.
#include "client/permits.hpp"

#include <algorithm>

namespace pgkeel::client {

class Permits::Place {
 public:
  Place(Permits& permits, Waiter& waiter) : permits_(&permits), waiter_(&waiter) {
    permits_->queue_.push_back(waiter_);
  }
  ~Place() {
    std::erase(permits_->queue_, waiter_);
    // Granted but never taken: the coroutine was destroyed between the two.
    if (waiter_->granted) permits_->release();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// The caller has its permit; leaving gives nothing back.
  void take() { waiter_->granted = false; }

 private:
  Permits* permits_;
  Waiter* waiter_;
};

Permits::Permits(runtime::Loop& loop, std::size_t count, std::size_t waiters_max)
    : loop_(&loop), free_(count), waiters_max_(waiters_max) {}

runtime::Task<Result<void>> Permits::acquire(Limit limit) {
  if (closed_) co_return fail(ErrorCode::WrongState, "the pool is closed");
  if (free_ > 0 && queue_.empty()) {
    --free_;
    co_return Result<void>();
  }
  if (queue_.size() >= waiters_max_)
    co_return fail(ErrorCode::PoolExhausted, "too many callers wait for a connection");
  Waiter waiter(*loop_);
  Place place(*this, waiter);
  while (!waiter.granted) {
    const auto woken = co_await waiter.woken.wait_until(limit.deadline, limit.stop);
    if (waiter.granted) break;
    if (!woken) co_return fail(woken.error());
    if (closed_) co_return fail(ErrorCode::WrongState, "the pool is closed");
  }
  place.take();
  co_return Result<void>();
}

void Permits::release() {
  if (queue_.empty()) {
    ++free_;
    return;
  }
  Waiter* const next = queue_.front();
  queue_.pop_front();
  next->granted = true;
  next->woken.notify_all();
}

void Permits::close() {
  closed_ = true;
  for (Waiter* waiter : queue_) waiter->woken.notify_all();
}

}  // namespace pgkeel::client
