// The guard's own start ended at once and no more telling cause explains it. The server's last
// words are the evidence, and the earliest of them that nothing else explains is the reason: WAL
// that is gone, a library that is missing, memory it cannot have. The restart budget decides how
// often it is tried again.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> server_start_failed(const Case& the_case) {
  const auto& start = the_case.seen.start;
  if (!server_absent(the_case) || !data_is_ours(the_case) || !start.failed) return {};
  if (!stopped_by_operator(the_case).empty()) return {};
  const auto* reason = told_reason(the_case);
  Finding finding;
  finding.cause = Cause::ServerStartFailed;
  finding.confidence = reason == nullptr ? 0.7 : 0.9;
  finding.summary =
      reason == nullptr
          ? std::string("The server ends again as soon as it is started.")
          : fmt::format("The server ends again as soon as it is started: {}.", reason->sentence);
  if (reason != nullptr) finding.hint = std::string(reason->advice);
  finding.evidence.push_back(evidence(the_case, "process", start.note));
  for (const auto& entry : the_case.seen.server_log.entries)
    finding.evidence.push_back(evidence(the_case, "server_log", entry.text));
  return {finding};
}

}  // namespace pgkeel::diagnose
