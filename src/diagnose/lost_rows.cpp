// See lost_rows.hpp.
#include "diagnose/lost_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

// A database that was not looked into yet tells nothing; a table or database that is gone is
// another cause's.
bool may_be_there(const Case& the_case, const LostRows& lost) {
  const auto& catalog = the_case.seen.catalog;
  const auto& databases = catalog.databases;
  if (catalog.seen &&
      std::ranges::find(databases, lost.database, &sense::Database::name) == databases.end())
    return false;
  const auto listing = catalog.listings.find(lost.database);
  if (listing == catalog.listings.end() || listing->second.truncated) return true;
  const auto& relations = listing->second.relations;
  return std::ranges::find(relations, lost.oid, &sense::Relation::oid) != relations.end();
}

bool is_partition(const Case& the_case, const LostRows& lost) {
  const auto database = the_case.known.relations.find(lost.database);
  if (database == the_case.known.relations.end()) return false;
  const auto row = std::ranges::find(database->second, lost.oid, &incident::KnownRelation::oid);
  return row != database->second.end() && row->kind == 'c';
}

}  // namespace

std::vector<std::pair<std::string, LostRows>> lost_rows(const Case& the_case, RowsWent how) {
  std::vector<std::pair<std::string, LostRows>> tables;
  if (!data_is_ours(the_case)) return tables;
  for (const auto& [subject, lost] : the_case.known.lost_rows)
    if (lost.truncated == (how == RowsWent::Truncated) && may_be_there(the_case, lost))
      tables.emplace_back(subject, lost);
  return tables;
}

Finding finding_of(const Case& the_case, Cause cause, const std::string& subject,
                   const LostRows& lost) {
  Finding finding;
  finding.cause = cause;
  finding.subject = subject;
  finding.since = the_case.now - std::chrono::duration_cast<SteadyTime::duration>(
                                     std::max(the_case.wall - lost.since, WallTime::duration{0}));
  finding.rows_lost = lost.rows_before - lost.rows_after;
  finding.loss.push_back(fmt::format("about {} rows of table {}", *finding.rows_lost, subject));
  if (lost.lsn.valid())
    finding.last_seen = LastSeen{
        lost.lsn, std::chrono::duration_cast<Millis>(the_case.wall - lost.since), lost.counted_lsn};
  if (is_partition(the_case, lost)) finding.severity = incident::Severity::Warning;
  const auto held = lost.lsn.valid() ? fmt::format("; the WAL was at {}", to_string(lost.lsn)) : "";
  finding.evidence.push_back(
      evidence(the_case, "catalog",
               fmt::format("it held about {} rows at {}{}, and {} at {}", lost.rows_before,
                           to_iso8601(lost.since), held, lost.rows_after, to_iso8601(lost.at))));
  return finding;
}

std::string question_of_lost_rows(const Case& the_case, const std::string& subject) {
  const auto back = the_case.known.keeps_archive
                        ? fmt::format(
                              "Was it not meant? 'pgkeel undrop {} --merge' adds the rows "
                              "that are missing. ",
                              subject)
                        : std::string();
  return fmt::format("{}Was it? 'pgkeel undrop forget {}' settles that, now and later.", back,
                     subject);
}

}  // namespace pgkeel::diagnose
