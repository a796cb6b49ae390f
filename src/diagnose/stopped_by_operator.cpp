// A clean stop, or a stop somebody asked for, is the operator's will: it is named once and not
// fought. Seen in pg_control (state "shut down", lock file gone) or, for an immediate stop, which
// leaves no such state, in the server's own words about the request.
// Excluded: a lock file left behind (nobody stops a server that way), a stranger's data directory.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> stopped_by_operator(const Case& the_case) {
  if (!server_absent(the_case) || !data_is_ours(the_case)) return {};
  const auto* request = last_stop_request(the_case);
  const bool lock_gone = the_case.seen.files.lock.state == instance::LockState::None;
  const bool clean = stopped_cleanly(the_case);
  if (!clean && !(lock_gone && request != nullptr)) return {};
  // A start of ours that ended by itself is no request; one that somebody stopped is.
  if (the_case.seen.start.failed && request == nullptr) return {};

  Finding finding;
  finding.cause = Cause::StoppedByOperator;
  finding.confidence = clean ? 0.99 : 0.9;
  finding.summary = clean ? "The server was shut down cleanly; the guard leaves it stopped."
                          : "The server was told to stop at once; the guard leaves it stopped.";
  const auto& control = *the_case.seen.files.data_dir.control;
  finding.evidence.push_back(evidence(
      the_case, "control_file",
      fmt::format("state is \"{}\" and the lock file is gone", pg::to_string(control.state))));
  if (request != nullptr)
    finding.evidence.push_back(evidence(the_case, "server_log", request->text));
  return {finding};
}

}  // namespace pgkeel::diagnose
