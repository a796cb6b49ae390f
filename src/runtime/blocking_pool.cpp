// See blocking_pool.hpp.
#include "runtime/blocking_pool.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>

#include "base/check.hpp"
#include "base/log.hpp"

namespace pgkeel::runtime::detail {

BlockingPool::Job::Job(BlockingPool& pool, std::move_only_function<void()> work, Waiter& waiter)
    : pool_(&pool), work_(std::move(work)), waiter_(&waiter) {
  waiter.until_fired_remotely();
  const std::scoped_lock lock(pool.mutex_);
  if (pool.stopping_) return;
  pool.queue_.push_back(this);
  pool.add_thread_if_busy();
  pool.job_added_.notify_one();
}

BlockingPool::Job::~Job() {
  std::unique_lock lock(pool_->mutex_);
  if (phase_ == Phase::Queued) std::erase(pool_->queue_, this);
  pool_->job_done_.wait(lock, [this] { return phase_ != Phase::Running; });
}

void BlockingPool::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  job_added_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void BlockingPool::add_thread_if_busy() {
  if (idle_ >= queue_.size() || threads_.size() >= kBlockingThreadsMax) return;
  try {
    threads_.emplace_back([this] { run_jobs(); });
  } catch (const std::system_error& error) {
    // With one thread already there the job only waits longer; with none nothing could ever run it.
    log_error("cannot start a thread for blocking work", {{"error", error.what()}});
    CHECK(!threads_.empty());
  }
}

void BlockingPool::run_jobs() {
  // Signals belong to the loop's thread, whoever awaits them and whenever this thread was made.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    job_added_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    Job* job = queue_.front();
    queue_.pop_front();
    job->phase_ = Job::Phase::Running;
    lock.unlock();
    job->work_();
    reactor_->fire_later(*job->waiter_, Outcome::Done);
    lock.lock();
    job->phase_ = Job::Phase::Done;
    job_done_.notify_all();
  }
}

}  // namespace pgkeel::runtime::detail
