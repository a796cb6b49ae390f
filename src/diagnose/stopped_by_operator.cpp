// A stop somebody asked for is the operator's will: it is named once and not fought. Seen while it
// happens in the lock file ("stopping"), afterwards in pg_control (state "shut down", lock file
// gone) or, for an immediate stop, which leaves no such state, in the log's or the lock file's last
// words. A server that died before our eyes while it was stopping was stopped as well: services
// and container engines kill what does not end in time.
// Excluded: a lock file left behind by a death nobody saw, a stranger's data directory.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

constexpr double kSure = 0.99;
constexpr double kTold = 0.9;

Finding told_to_stop(const Case& the_case, double confidence, std::string summary) {
  Finding finding;
  finding.cause = Cause::StoppedByOperator;
  finding.confidence = confidence;
  finding.summary = std::move(summary);
  if (const auto* request = last_stop_request(the_case))
    finding.evidence.push_back(evidence(the_case, "server_log", request->text));
  return finding;
}

std::vector<Finding> still_stopping(const Case& the_case) {
  if (!the_case.seen.process.stopping || the_case.seen.login.ok()) return {};
  auto finding = told_to_stop(the_case, kTold, "The server is shutting down, as it was told to.");
  finding.evidence.push_back(evidence(the_case, "files", "postmaster.pid says stopping"));
  return {std::move(finding)};
}

bool died_stopping(const Case& the_case) {
  return the_case.seen.process.stopping && the_case.seen.process.died_at.has_value();
}

Finding killed_on_the_way(const Case& the_case) {
  auto finding = told_to_stop(
      the_case, kTold, "The server was told to stop and killed on the way; it is left stopped.");
  finding.evidence.push_back(
      evidence(the_case, "process",
               fmt::format("process {} was stopping when it ended", the_case.seen.process.pid)));
  return finding;
}

Finding ended_as_told(const Case& the_case, bool clean) {
  auto finding =
      clean ? told_to_stop(the_case, kSure,
                           "The server was shut down cleanly; the guard leaves it stopped.")
            : told_to_stop(the_case, kTold,
                           "The server was told to stop at once; the guard leaves it stopped.");
  const auto& control = *the_case.seen.files.data_dir.control;
  finding.evidence.push_back(evidence(
      the_case, "control_file",
      fmt::format("state is \"{}\" and the lock file is gone", pg::to_string(control.state))));
  return finding;
}

std::vector<Finding> stopped(const Case& the_case) {
  const bool asked = last_stop_request(the_case) != nullptr;
  // A start of ours that ended by itself is no request; one that somebody stopped is.
  if (the_case.seen.start.failed && !asked) return {};
  const bool lock_gone = the_case.seen.files.lock.state == instance::LockState::None;
  if (stopped_cleanly(the_case)) return {ended_as_told(the_case, true)};
  if (lock_gone && (asked || died_stopping(the_case))) return {ended_as_told(the_case, false)};
  if (died_stopping(the_case)) return {killed_on_the_way(the_case)};
  return {};
}

}  // namespace

std::vector<Finding> stopped_by_operator(const Case& the_case) {
  if (the_case.seen.process.state == sense::ProcessState::Running) return still_stopping(the_case);
  if (!server_absent(the_case) || !data_is_ours(the_case)) return {};
  return stopped(the_case);
}

}  // namespace pgkeel::diagnose
