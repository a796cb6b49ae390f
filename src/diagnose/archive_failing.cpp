// The archive does not get, or does not prove, what a restore would need: WAL that is not received,
// a backup that failed or is too old, a drill that failed, a second store that is behind, a store
// that cannot be read. Each is a subject of its own and waits for its own patience.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> archive_failing(const Case& the_case) {
  std::vector<Finding> findings;
  for (const auto& trouble : the_case.seen.archive.troubles) {
    if (the_case.now - trouble.since < trouble.patience) continue;
    Finding finding;
    finding.cause = Cause::ArchiveFailing;
    finding.subject = trouble.subject;
    finding.confidence = 0.95;
    finding.wait = true;
    if (trouble.urgent) finding.severity = incident::Severity::Critical;
    finding.summary = trouble.text + ".";
    finding.hint = trouble.hint;
    finding.evidence.push_back(evidence(
        the_case, "archive", fmt::format("{} ({})", trouble.text, ago(the_case, trouble.since))));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
