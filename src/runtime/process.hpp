// Child processes and other people's processes, both held by pidfd so that a reused pid can never
// be mistaken for the one meant. Death is an event, not a poll.
// Own code over fork/exec and pidfd_open because Boost.Process v2 loses exits (docs/adr/0001). It
// refuses to run anything through a shell.
#pragma once

#include <sys/types.h>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/account.hpp"
#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

struct ExitStatus {
  int code = 0;    ///< exit code when it ended by itself
  int signal = 0;  ///< signal number when a signal ended it, else 0
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0; }
  [[nodiscard]] std::string describe() const;  ///< "exit code 1", "signal 9 (SIGKILL)"
};

struct ProcessSpec {
  std::vector<std::string> argv;  ///< argv[0] is a path, or a name looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to or replacing ours
  std::vector<std::string> environment_removed;
  std::optional<Account> run_as;      ///< drop to this account (needs root); none: stay who we are
  std::filesystem::path working_dir;  ///< empty: stay
  std::filesystem::path output_file;  ///< append stdout and stderr here; empty: capture
  std::string input;                  ///< written to stdin, which is then closed
  enum class Session { Inherit, New } session = Session::Inherit;  ///< New: setsid, survives us
};

/// A process held by pidfd; may be a child or not.
class ProcessHandle {
 public:
  /// NotFound when no such process exists. Guard against pid reuse by comparing start times
  /// (proc.hpp) after opening.
  static Result<ProcessHandle> open(pid_t pid);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool alive() const;  ///< false once it has exited (a zombie has exited)
  Result<void> signal(int number) const;
  /// Ends when the process has exited. Reaps it and gives its status when it is our child;
  /// nullopt when it is not, since only a parent may know, or when it was reaped before.
  Task<Result<std::optional<ExitStatus>>> wait_exit(Loop& loop, SteadyTime deadline,
                                                    std::stop_token stop = {}) const;

 private:
  friend Result<ProcessHandle> start_process(const ProcessSpec&);
  friend class HeldProcess;
  ProcessHandle(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}
  pid_t pid_;
  Fd fd_;
};

/// Starts a child that the caller does not wait for here (output to output_file or /dev/null).
/// MissingBinary when argv[0] does not exist, Spawn for anything else; the failure of exec itself
/// is reported, not only that of fork. All descriptors above 2 are closed in the child; signal
/// mask and dispositions are reset. It stays a zombie until wait_exit() has reaped it.
Result<ProcessHandle> start_process(const ProcessSpec& spec);

struct ProcessOutput {
  ExitStatus exit;
  std::string out;  ///< at most kCapturedBytesMax, then cut
  std::string err;
};
inline constexpr std::size_t kCapturedBytesMax = 64U << 20U;

/// Runs a program to its end and captures what it wrote. At the deadline (or on stop) it and its
/// process group get SIGTERM, after 2 s SIGKILL, and the result is TimedOut (or Cancelled).
/// A non-zero exit is not an error here: look at `exit`. Destroying the task kills the program and
/// its group, unless its session is New.
Task<Result<ProcessOutput>> run_process(Loop& loop, ProcessSpec spec, SteadyTime deadline,
                                        std::stop_token stop = {});

}  // namespace pgkeel::runtime
