// The guard before this one ended without being told to: killed by a hand, by the kernel for want
// of memory, by a defect. Nothing was watched in between, and that is said. Excluded: a machine
// that was started anew since (everything ended then), a guard that was stopped in order.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

// A supervisor starts another one within seconds; longer is an hour nobody looked.
constexpr Seconds kShort{60};

std::string span_words(const Predecessor& guard) {
  const auto length = std::chrono::duration_cast<Millis>(guard.until - guard.last_seen);
  return fmt::format("from {} {} ({})", to_iso8601(guard.last_seen),
                     guard.still ? std::string("until now") : "to " + to_iso8601(guard.until),
                     humane_duration(length));
}

}  // namespace

std::vector<Finding> guard_killed(const Case& the_case) {
  if (!the_case.known.predecessor) return {};
  const auto& guard = *the_case.known.predecessor;
  Finding finding;
  finding.cause = Cause::GuardKilled;
  finding.subject = std::string(kGuardSubject);
  finding.confidence = 0.95;
  const bool lasted = guard.still || guard.until - guard.last_seen >= kShort;
  if (lasted) finding.severity = incident::Severity::Warning;
  finding.summary =
      fmt::format("The guard (pid {}) ended without being told to; the server was not watched {}.",
                  guard.pid, span_words(guard));
  finding.evidence.push_back(evidence(
      the_case, "guard",
      fmt::format("it ran since {} and gave its last sign of life at {}; no stop was noted, and "
                  "the machine has not been started anew since",
                  to_iso8601(guard.started), to_iso8601(guard.last_seen))));
  finding.hint =
      guard.still ? "start it again: 'systemctl start pgkeel', or 'pgkeel guard'"
                  : "see what ended it: 'journalctl -u pgkeel', 'dmesg' for an out-of-memory kill";
  return {finding};
}

}  // namespace pgkeel::diagnose
