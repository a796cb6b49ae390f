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

namespace pgkeel::runtime {

/// The kernel's words when it killed `pid` for want of memory within the last `within`; none when
/// it did not, or its log may not be read (root may). Reads the whole ring: a few milliseconds.
[[nodiscard]] std::optional<std::string> oom_kill_of(pid_t pid, Seconds within);

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
