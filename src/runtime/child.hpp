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

/// Standard input with spec.input in it (a memory file: no pipe that could fill), else /dev/null.
Result<Fd> open_input(const ProcessSpec& spec);
/// spec.output_file for appending, created for run_as when absent; else /dev/null.
Result<Fd> open_output(const ProcessSpec& spec);

/// Forks and executes; returns when exec has succeeded.
Result<Child> start_child(const ProcessSpec& spec, ChildStreams streams, Group group);

/// Reaps an ended child; nullopt when it is not ours or still runs.
Result<std::optional<ExitStatus>> reap_child(int pidfd);

}  // namespace pgkeel::runtime::detail
