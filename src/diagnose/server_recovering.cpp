// The server itself says it is starting or replaying WAL (57P03). Nothing is wrong that patience
// does not mend: an advancing redo is never killed.
// Excluded: a server that is shutting down, which says 57P03 as well; so its lock file has to have
// been looked at since.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> server_recovering(const Case& the_case) {
  const auto& seen = the_case.seen;
  if (seen.process.state != sense::ProcessState::Running || seen.login.ok()) return {};
  if (seen.login.sqlstate != "57P03") return {};
  if (seen.process.stopping || seen.process.at < seen.login.at) return {};

  Finding finding;
  finding.cause = Cause::ServerRecovering;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.summary =
      "The server is up but still recovering; connections will succeed when it is done.";
  finding.evidence.push_back(evidence(the_case, "login", seen.login.note));
  for (const auto& entry : seen.server_log.entries)
    if (entry.signature == pg::Signature::ProcessKilled ||
        entry.signature == pg::Signature::ProcessCrashed)
      finding.evidence.push_back(evidence(the_case, "server_log", entry.text));
  return {finding};
}

}  // namespace pgkeel::diagnose
