// Starting and reaping one child. Private to the room; callers see process.hpp.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.hpp"
#include "runtime/fd.hpp"
#include "runtime/process.hpp"

namespace pgkeel::runtime::detail {

struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

/// What becomes descriptors 0, 1 and 2 of the child.
struct ChildStreams {
  Fd in;
  Fd out;
  Fd err;
};

/// Whether the child leads a process group of its own, so that its whole tree can be signalled.
enum class Group { Inherit, Own };

/// What a child waits at before anything else: a byte read from `in` lets it go on, the end of the
/// pipe ends it. `out` is the parent's end, which it must not keep open itself. -1: no gate.
struct Gate {
  int in = -1;
  int out = -1;
};

/// Forked, not yet known to have executed its program.
struct Forked {
  pid_t pid = -1;
  Fd pidfd;
  Fd report;
};

/// Standard input with spec.input in it (a memory file: no pipe that could fill), else /dev/null.
Result<Fd> open_input(const ProcessSpec& spec);
/// spec.output_file for appending, created for run_as when absent; else /dev/null.
Result<Fd> open_output(const ProcessSpec& spec);

Result<Forked> fork_child(const ProcessSpec& spec, ChildStreams streams, Group group, Gate gate);
/// Returns when exec has succeeded; reaps the child when it has not.
Result<Child> await_exec(const ProcessSpec& spec, Forked child);
/// Forks and executes; returns when exec has succeeded.
Result<Child> start_child(const ProcessSpec& spec, ChildStreams streams, Group group);

/// Waits for the end of a child that is ending, and reaps it.
void reap_quietly(pid_t pid);

/// Reaps an ended child; nullopt when it is not ours or still runs.
Result<std::optional<ExitStatus>> reap_child(int pidfd);

}  // namespace pgkeel::runtime::detail
