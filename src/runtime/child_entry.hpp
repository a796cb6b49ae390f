// The child's side of fork and exec: from the fork to the new program, with async-signal-safe calls
// only. Everything it needs was prepared in the parent (child_plan.hpp). Private to the room.
#pragma once

#include <sys/types.h>

#include <array>

#include "runtime/child.hpp"
#include "runtime/child_plan.hpp"

namespace pgkeel::runtime::detail {

enum class Step : int { Session, Streams, Descriptors, Account, Directory, Execute };

/// What the child writes to `report` when it cannot go on.
struct StepFailure {
  Step step;
  int err;
};

/// Descriptors and pointers as the child uses them; it owns nothing.
struct ChildView {
  char* const* arguments;
  char* const* environment;
  const ChildPlan* plan;
  std::array<int, 3> streams;
  int report;
  Gate gate;
  pid_t parent;
  ProcessSpec::Session session;
  Group group;
};

/// Executes the program, or reports the step that failed and exits with 127.
[[noreturn]] void become_program(const ChildView& child);

}  // namespace pgkeel::runtime::detail
