// The archive does not get, or does not prove, what a restore would need: WAL that is not received,
// a backup that failed or is too old, a drill that failed, a second store that is behind, a store
// that cannot be read. Each is a subject of its own and waits for its own patience. The server's
// own archive_command, where it has one, is one more.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

// By the server's own account: it keeps the WAL until the command succeeds, and fills its disk.
// After three tries in a row it rests for a minute, so that a hiccup fails at more looks than one.
std::vector<Finding> command_failing(const Case& the_case) {
  const auto& activity = the_case.seen.activity;
  const auto& archiver = activity.archiver;
  if (!activity.fresh(the_case.now) || !archiver) return {};
  if (archiver->failing_looks < the_case.known.confirm) return {};
  if (the_case.now - archiver->failing_since < the_case.known.lasting) return {};
  Finding finding;
  finding.cause = Cause::ArchiveFailing;
  finding.subject = kArchiveCommandSubject;
  finding.confidence = 0.95;
  finding.wait = true;
  auto text = fmt::format(
      "The server's archive_command fails, last for {}: WAL is kept until it "
      "succeeds",
      archiver->last_failed_wal);
  if (archiver->last_failed_at)
    text += fmt::format("; it failed at {}", to_iso8601(*archiver->last_failed_at));
  text += archiver->last_archived_at
              ? fmt::format(" and succeeded last at {}", to_iso8601(*archiver->last_archived_at))
              : " and has never succeeded";
  finding.evidence.push_back(
      evidence(the_case, "pg_stat_archiver",
               fmt::format("{} archived, {} failed, last {}", archiver->archived, archiver->failed,
                           archiver->last_failed_wal)));
  finding.summary = std::move(text) + ".";
  finding.hint =
      "the server's log says what the command said; see it with: show archive_command. Never "
      "delete from pg_wal";
  return {finding};
}

}  // namespace

std::vector<Finding> archive_failing(const Case& the_case) {
  auto findings = command_failing(the_case);
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
