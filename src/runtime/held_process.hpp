// A child that exists and waits before its first step: something is done to the process, such as
// moving it to another control group, before the program is in it. What the program allocates and
// whom it forks is then where it belongs from the start.
// It guarantees: unless released, no program runs; the child ends with this object, and with us.
// While it waits it holds copies of all our descriptors, so the wait must be short.
#pragma once

#include "runtime/fd.hpp"
#include "runtime/process.hpp"

namespace pgkeel::runtime {

class HeldProcess {
 public:
  /// As start_process(), but for what only exec tells.
  static Result<HeldProcess> start(const ProcessSpec& spec);
  HeldProcess(HeldProcess&& other) noexcept = default;
  HeldProcess& operator=(HeldProcess&&) = delete;
  ~HeldProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Lets it become its program, once. Errors as of start_process().
  Result<ProcessHandle> release();

 private:
  HeldProcess(ProcessSpec spec, pid_t pid, Fd pidfd, Fd report, Fd gate_in, Fd gate);

  ProcessSpec spec_;
  pid_t pid_;
  Fd pidfd_;
  Fd report_;
  Fd gate_in_;  ///< kept, so that writing to a child that was killed is no SIGPIPE
  Fd gate_;     ///< closed: released, or moved from
};

}  // namespace pgkeel::runtime
