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

/// The kernel's words about every process of that name it killed so within the last `within`, the
/// oldest first; Permission when its log may not be read.
[[nodiscard]] Result<std::vector<std::string>> oom_kills_of(std::string_view command,
                                                            Seconds within);

/// One record of /dev/kmsg ("6,1234,17701689404,-;text") that says so of `pid`: its text, and when,
/// in microseconds after boot.
struct OomKill {
  std::string text;
  std::int64_t at_us = 0;
};
[[nodiscard]] std::optional<OomKill> parse_oom_kill(std::string_view record, pid_t pid);
/// The same of a process by its name: "Killed process 19255 (postgres)".
[[nodiscard]] std::optional<OomKill> parse_oom_kill(std::string_view record,
                                                    std::string_view command);

}  // namespace pgkeel::runtime
