// The kernel's own log, for the one thing only it knows for certain: that it killed a process
// because memory had run out.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::runtime {

/// The log from now on, so that what it said of a process is known without reading the whole ring,
/// which takes many milliseconds where it is full.
class KernelLog {
 public:
  static KernelLog from_now();
  /// The kernel's words when it has killed `pid` for want of memory since; none when it has not, or
  /// its log may not be read (root may). What was read is not read again.
  [[nodiscard]] std::optional<std::string> oom_kill_of(pid_t pid);

 private:
  explicit KernelLog(Fd log) : log_(std::move(log)) {}
  Fd log_;
};

/// One record of /dev/kmsg ("6,1234,17701689404,-;text") that says so of `pid`: its text, and when,
/// in microseconds after boot.
struct OomKill {
  std::string text;
  std::int64_t at_us = 0;
};
[[nodiscard]] std::optional<OomKill> parse_oom_kill(std::string_view record, pid_t pid);

/// Every process of that name on this machine it killed so within the last `within`, the oldest
/// first: how long ago, and the kernel's words. Permission when its log may not be read.
struct PastOomKill {
  Millis ago{0};
  std::string text;
};
[[nodiscard]] Result<std::vector<PastOomKill>> oom_kills_of(std::string_view command,
                                                            Seconds within);
/// The same of a process by its name: "Killed process 19255 (postgres)".
[[nodiscard]] std::optional<OomKill> parse_oom_kill(std::string_view record,
                                                    std::string_view command);

}  // namespace pgkeel::runtime
