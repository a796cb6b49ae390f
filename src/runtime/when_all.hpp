// Several tasks at once, joined: the awaiting coroutine goes on when the last of them has ended,
// and has all their values. Knows nothing of the event loop. Destroying the awaiting coroutine
// destroys the unfinished ones; nothing is left running behind anyone's back.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/task.hpp"

namespace pgkeel::runtime {
namespace detail {

struct Countdown {
  std::size_t left = 0;
  std::coroutine_handle<> waiting;

  /// Whom to resume after one more has ended.
  std::coroutine_handle<> arrive() noexcept {
    return --left == 0 ? waiting : std::noop_coroutine();
  }
};

// Runs one task to its end for a Countdown; owns its frame.
class Branch {
 public:
  struct promise_type {
    promise_type(Countdown& countdown, const auto&...) : countdown_(&countdown) {}
    Branch get_return_object() noexcept {
      return Branch(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    struct Arrive {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(
          std::coroutine_handle<promise_type> done) const noexcept {
        return done.promise().countdown_->arrive();
      }
      void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() noexcept { return {}; }
    Arrive final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }

   private:
    Countdown* countdown_;
  };

  Branch(Branch&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Branch& operator=(Branch&&) = delete;
  ~Branch() {
    if (handle_) handle_.destroy();
  }
  void start() { handle_.resume(); }

 private:
  explicit Branch(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

struct StartAll {
  std::vector<Branch>* branches;
  Countdown* countdown;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const {
    countdown->waiting = caller;
    countdown->left = branches->size() + 1;  // one for us: nobody resumes the caller in between
    for (auto& branch : *branches) branch.start();
    return countdown->arrive();
  }
  void await_resume() const noexcept {}
};

template <class T>
Branch run_branch(Countdown&, Task<T> task, std::optional<T>* value) {
  value->emplace(co_await task);
}
inline Branch run_branch(Countdown&, Task<void> task) { co_await task; }

}  // namespace detail

/// The values in the tasks' order.
template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  detail::Countdown countdown;
  std::vector<std::optional<T>> slots(tasks.size());
  std::vector<detail::Branch> branches;
  branches.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    branches.push_back(detail::run_branch(countdown, std::move(tasks[i]), &slots[i]));
  co_await detail::StartAll{&branches, &countdown};
  std::vector<T> values;
  values.reserve(slots.size());
  for (auto& slot : slots) values.push_back(std::move(*slot));
  co_return values;
}

inline Task<void> when_all(std::vector<Task<void>> tasks) {
  detail::Countdown countdown;
  std::vector<detail::Branch> branches;
  branches.reserve(tasks.size());
  for (auto& task : tasks) branches.push_back(detail::run_branch(countdown, std::move(task)));
  co_await detail::StartAll{&branches, &countdown};
}

}  // namespace pgkeel::runtime
