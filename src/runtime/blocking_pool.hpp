// Threads for work that blocks. Private to the room; callers see Loop::run_blocking.
// A job lives in the frame of the coroutine that awaits it; destroying it withdraws it from the
// queue or, once begun, waits for its end, so work never outlives what it refers to.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/reactor.hpp"

namespace pgkeel::runtime::detail {

// One for the journal, one for a slow disk walk; more would only queue at the same disk.
inline constexpr std::size_t kBlockingThreadsMax = 2;

class BlockingPool {
 public:
  explicit BlockingPool(Reactor& reactor) : reactor_(&reactor) {}
  ~BlockingPool() { stop(); }
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Lets begun jobs finish, drops the queue, joins the threads. Jobs after it never run.
  void stop();

  class Job {
   public:
    /// Queues `work`; `waiter` is fired with Done when it has run.
    Job(BlockingPool& pool, std::move_only_function<void()> work, Waiter& waiter);
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

   private:
    friend class BlockingPool;
    enum class Phase { Queued, Running, Done };

    BlockingPool* pool_;
    std::move_only_function<void()> work_;
    Waiter* waiter_;
    Phase phase_ = Phase::Queued;  // guarded by the pool's mutex
  };

 private:
  void add_thread_if_busy();
  void run_jobs();

  Reactor* reactor_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable job_added_;
  std::condition_variable job_done_;
  std::deque<Job*> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace pgkeel::runtime::detail
