// A database the ledger knows by its oid is not in pg_database any more. A rename keeps the oid and
// is not a drop; a name that came back with another oid is one, because its rows are not the old
// ones.
#include "diagnose/case.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

Finding dropped(const Case& the_case, const incident::KnownDatabase& known, bool recreated) {
  Finding finding;
  finding.cause = Cause::DatabaseDropped;
  finding.subject = known.name;
  finding.confidence = 0.98;
  finding.since = the_case.seen.catalog.before;
  finding.last_seen = last_seen(the_case, the_case.seen.catalog.gone, known.oid);
  finding.summary = fmt::format("Database {} existed and is gone{}.", known.name,
                                recreated ? "; another of that name was created since" : "");
  if (!recreated) finding.wanted = wanted(the_case, known.name);
  if (!finding.wanted.empty())
    finding.evidence.push_back(evidence(the_case, "demand", finding.wanted));
  if (the_case.known.keeps_archive)
    finding.hint = fmt::format(
        "Was it not meant? 'pgkeel undrop {0}{1}' brings it back. Was it? 'pgkeel undrop forget "
        "{0}' settles that.",
        known.name, recreated ? " --as NAME" : "");
  finding.evidence.push_back(
      evidence(the_case, "catalog",
               fmt::format("oid {} is not in pg_database; it was the database {} of {}",
                           to_string(known.oid), known.name, known.owner)));
  const auto relations = the_case.known.relations.find(known.name);
  const auto count = relations == the_case.known.relations.end() ? 0 : relations->second.size();
  finding.loss.push_back(fmt::format("database {} with {} tables", known.name, count));
  return finding;
}

}  // namespace

std::vector<Finding> database_dropped(const Case& the_case) {
  const auto& catalog = the_case.seen.catalog;
  if (!catalog.seen || !data_is_ours(the_case)) return {};
  std::vector<Finding> findings;
  for (const auto& known : the_case.known.databases) {
    const auto same_oid = [&known](const auto& database) { return database.oid == known.oid; };
    const auto same_name = [&known](const auto& database) { return database.name == known.name; };
    if (std::ranges::any_of(catalog.databases, same_oid)) continue;
    findings.push_back(dropped(the_case, known, std::ranges::any_of(catalog.databases, same_name)));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
