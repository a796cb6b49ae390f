// What systemd knows of a server that runs in a unit: its state with result and exit code, and its
// log where the server writes to stderr and the journal keeps it. Asked of systemctl and journalctl
// as bounded children; systemd need not run.
// It guarantees: a deadline, bounded bytes and lines, and nothing but text whatever they say.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// `systemctl show`: systemd's own words.
struct UnitState {
  std::string unit;
  std::string active;       ///< "active", "failed", "inactive"
  std::string sub;          ///< "running", "exited", "dead"
  std::string result;       ///< "success", "exit-code", "signal", "oom-kill", "timeout"
  std::string exit_code;    ///< how the main process ended: "exited", "killed", "dumped"
  std::string exit_status;  ///< its exit status or its signal's number
  int restarts = 0;
  [[nodiscard]] bool failed() const { return active == "failed" || result == "oom-kill"; }
  /// "failed (failed), result oom-kill, main process killed (9), restarted 3 times"
  [[nodiscard]] std::string describe() const;
};

inline constexpr std::size_t kJournalLinesMax = 50'000;
inline constexpr Millis kJournalMost{3'000};

/// NotFound when systemd knows no such unit or does not run.
runtime::Task<Result<UnitState>> unit_state(runtime::Loop* loop, std::string unit);
/// The unit's lines since then, as a server's log in stderr's format; a line whose prefix has no
/// time gets the journal's. NotFound when there is none or they may not be read: journalctl does
/// not tell the two apart.
runtime::Task<Result<std::string>> unit_log(runtime::Loop* loop, std::string unit, WallTime since);

// The pure halves, for tests.
[[nodiscard]] UnitState parse_unit_state(std::string_view unit, std::string_view shown);
/// Of `journalctl --output=json`: a JSON object a line. What is none is left out.
[[nodiscard]] std::string journal_as_log(std::string_view json_lines);

}  // namespace pgkeel::instance
