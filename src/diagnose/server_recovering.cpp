// The server itself says it is starting or replaying WAL (57P03), or its lock file does. Nothing is
// wrong that patience does not mend: an advancing redo is never killed.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> server_recovering(const Case& the_case) {
  const auto& seen = the_case.seen;
  if (seen.process.state != sense::ProcessState::Running || seen.login.ok()) return {};
  const bool said_so = seen.login.sqlstate == "57P03";
  const bool lock_says_so = seen.files.lock.file && seen.files.lock.file->status == "starting";
  if (!said_so && !lock_says_so) return {};

  Finding finding;
  finding.cause = Cause::ServerRecovering;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.summary =
      "The server is up but still recovering; connections will succeed when it is done.";
  finding.evidence.push_back(evidence(the_case, said_so ? "login" : "files",
                                      said_so ? seen.login.note : "postmaster.pid says starting"));
  for (const auto& entry : seen.server_log.entries)
    if (entry.signature == pg::Signature::ProcessKilled ||
        entry.signature == pg::Signature::ProcessCrashed)
      finding.evidence.push_back(evidence(the_case, "server_log", entry.text));
  return {finding};
}

}  // namespace pgkeel::diagnose
