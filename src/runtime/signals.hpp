// Signals as something to await (signalfd), so that no handler runs anywhere. The set stays blocked
// after the watcher is gone: a second SIGTERM must not cut short a clean stop. Create watchers on
// the loop's thread before other threads exist; the blocking pool's threads take no signals.
#pragma once

#include <initializer_list>

#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

class SignalWatcher {
 public:
  static Result<SignalWatcher> create(Loop& loop, std::initializer_list<int> signals);
  /// The number of the next signal of the set; one that came before the call is not lost.
  Task<Result<int>> next(SteadyTime deadline = kNever, std::stop_token stop = {});

 private:
  SignalWatcher(Loop& loop, Fd fd) : loop_(&loop), fd_(std::move(fd)) {}
  Loop* loop_;
  Fd fd_;
};

}  // namespace pgkeel::runtime
