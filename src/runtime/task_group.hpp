// Coroutines that live no longer than something else: a server's connections, a watcher's probes.
// Destroying the group destroys the frames of those still running (what they hold is released by
// their destructors), newest first. It must not be destroyed by one of its own members, nor outlive
// the loop.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/loop.hpp"
#include "runtime/task.hpp"

namespace pgkeel::runtime {

class TaskGroup {
 public:
  explicit TaskGroup(Loop& loop);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task` in the next turn of the loop.
  void spawn(Task<void> task);
  /// How many have not ended.
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgkeel::runtime
