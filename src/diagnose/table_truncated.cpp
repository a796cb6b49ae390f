// A table that held rows got another, empty file: what TRUNCATE leaves and nothing else. Excluded
// by the watch (sense/row_watch.hpp): a rewrite that keeps the rows (VACUUM FULL, CLUSTER, REINDEX,
// ALTER TABLE), and a table that is filled again in the same transaction.
#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/lost_rows.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> table_truncated(const Case& the_case) {
  std::vector<Finding> findings;
  for (const auto& [subject, lost] : lost_rows(the_case, RowsWent::Truncated)) {
    auto finding = finding_of(the_case, Cause::TableTruncated, subject, lost);
    finding.confidence = 0.97;
    finding.summary =
        fmt::format("Table {} held about {} rows and was emptied at once, as TRUNCATE does it.",
                    subject, lost.rows_before);
    finding.evidence.push_back(evidence(
        the_case, "catalog",
        fmt::format("the file of oid {} was replaced by an empty one", to_string(lost.oid))));
    finding.hint = question_of_lost_rows(the_case, subject);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
