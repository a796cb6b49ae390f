// At least half of a table's rows, and no fewer than a hundred, were deleted within a minute
// (sense/row_watch.hpp says why these numbers). A warning, never acted on: it may be a cleanup.
// Excluded by the watch: deletions that were rolled back, tables whose rows come and go, and what
// the operator once said was meant.
#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/lost_rows.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> mass_delete(const Case& the_case) {
  std::vector<Finding> findings;
  for (const auto& [subject, lost] : lost_rows(the_case, RowsWent::Deleted)) {
    auto finding = finding_of(the_case, Cause::MassDelete, subject, lost);
    finding.confidence = 0.9;
    finding.summary =
        fmt::format("About {} of {} rows of table {} were deleted within {}.",
                    lost.rows_before - lost.rows_after, lost.rows_before, subject,
                    humane_duration(std::chrono::duration_cast<Millis>(lost.at - lost.since)));
    finding.evidence.push_back(
        evidence(the_case, "statistics",
                 "the server counts the rows as deleted, by committed transactions"));
    finding.hint = "see whether a cleanup did it. " + question_of_lost_rows(the_case, subject);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
