// The guard's own start ended at once and no more telling cause explains it. The server's last
// words are the evidence; the restart budget decides how often it is tried again.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> server_start_failed(const Case& the_case) {
  const auto& start = the_case.seen.start;
  if (!server_absent(the_case) || !data_is_ours(the_case) || !start.failed) return {};
  if (!stopped_by_operator(the_case).empty()) return {};
  Finding finding;
  finding.cause = Cause::ServerStartFailed;
  finding.confidence = 0.7;
  finding.summary = "The server ends again as soon as it is started.";
  finding.evidence.push_back(evidence(the_case, "process", start.note));
  for (const auto& entry : the_case.seen.server_log.entries)
    finding.evidence.push_back(evidence(the_case, "server_log", entry.text));
  return {finding};
}

}  // namespace pgkeel::diagnose
