// A coroutine that belongs to a list instead of an awaiter: it frees its own frame when it ends,
// and the list's owner destroys the frames that have not ended. Private to the room.
#pragma once

#include <coroutine>
#include <exception>

#include "runtime/list_hook.hpp"
#include "runtime/reactor.hpp"
#include "runtime/task.hpp"

namespace pgkeel::runtime::detail {

struct Detached {
  struct promise_type : ListHook {
    promise_type(Reactor&, ListHook& owner, const Task<void>&) { owner.append(*this); }
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// Runs `task` from the next turn of the loop on, as a member of `owner`.
inline Detached run_detached(Reactor& reactor, ListHook&, Task<void> task) {
  Waiter start(reactor);
  start.until_next_turn();
  static_cast<void>(co_await start);
  co_await task;
}

/// Destroys the frames of all members, newest first, because older ones may own what newer ones
/// use.
inline void destroy_detached(ListHook& owner) {
  using Promise = Detached::promise_type;
  while (owner.linked()) {
    auto& newest = static_cast<Promise&>(*owner.prev);
    std::coroutine_handle<Promise>::from_promise(newest).destroy();
  }
}

}  // namespace pgkeel::runtime::detail
