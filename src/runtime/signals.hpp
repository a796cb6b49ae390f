// Signals as something to await. The set is blocked for the whole process while a watcher lives
// (signalfd), so that no handler runs anywhere.
#pragma once

#include <initializer_list>

#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

class SignalWatcher {
 public:
  static Result<SignalWatcher> create(Loop& loop, std::initializer_list<int> signals);
  /// The number of the next signal of the set.
  Task<Result<int>> next(SteadyTime deadline = kNever, std::stop_token stop = {});

 private:
  SignalWatcher(Loop& loop, Fd fd) : loop_(&loop), fd_(std::move(fd)) {}
  Loop* loop_;
  Fd fd_;
};

}  // namespace pgkeel::runtime
