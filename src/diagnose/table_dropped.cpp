// A table the ledger knows by its oid is not in its database's catalog any more. A rename or a move
// to another schema keeps the oid and is not a drop. A name that came back with another oid counts:
// the new table does not hold the old rows.
// What went while a migration tool wrote its history was meant: it is told, and left to a human.
// Excluded: a database that is gone itself (database_dropped explains it), a schema that is
// (schema_dropped), a listing that was cut.
#include "diagnose/case.hpp"
#include "diagnose/missing_tables.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// A tool writes its history before what it does, or with it. Of a table that was gone when the
// guard first looked nobody knows when it went.
bool may_be_migrated(const sense::RelationListing& listing, Oid table) {
  const bool seen_to_go = listing.gone.contains(table.value);
  return listing.migrated.contains(table.value) || (!listing.migrations.empty() && !seen_to_go);
}

std::string question(std::string_view subject) {
  return fmt::format(
      "Was it not meant? 'pgkeel undrop {0}' brings it back with its rows. Was it? 'pgkeel undrop "
      "forget {0}' settles that.",
      subject);
}

std::string question_of_a_replaced(std::string_view subject) {
  return fmt::format(
      "'pgkeel undrop {0} --merge' adds its rows to the new one, '--as NAME' brings it back beside "
      "that; 'pgkeel undrop forget {0}' settles that it was meant.",
      subject);
}

// Bringing back what was dropped on purpose breaks the next migration, and whoever relies on it.
void leave_to_the_migration(const Case& the_case, const sense::RelationListing& listing, Oid table,
                            Finding& finding) {
  const bool seen = listing.migrated.contains(table.value);
  finding.wait = true;
  finding.severity = incident::Severity::Warning;
  finding.evidence.push_back(
      evidence(the_case, "catalog",
               seen ? fmt::format("{} was written in the same minutes: a migration dropped it",
                                  listing.migrations)
                    : fmt::format("{} keeps a migration tool's history, and nobody was looking: a "
                                  "migration may have dropped it",
                                  listing.migrations)));
  finding.hint = question(finding.subject);
}

Finding dropped(const Case& the_case, const std::string& database,
                const incident::KnownRelation& known, const sense::RelationListing& listing) {
  const auto same_name = [&known](const sense::Relation& relation) {
    return relation.schema == known.schema && relation.name == known.name;
  };
  const bool recreated = std::ranges::any_of(listing.relations, same_name);
  Finding finding;
  finding.cause = Cause::TableDropped;
  finding.subject = database + "." + known.qualified();
  finding.confidence = 0.98;
  finding.since = listing.before;
  finding.last_seen = last_seen(the_case, listing.gone, known.oid);
  if (known.kind == 'c') finding.severity = incident::Severity::Warning;  // retention drops these
  finding.summary = fmt::format("Table {} existed and is gone{}.", finding.subject,
                                recreated ? "; another of that name was created since" : "");
  // Who made another one of its name has no use for it.
  if (!recreated) finding.wanted = wanted(the_case, database, known);
  if (!finding.wanted.empty())
    finding.evidence.push_back(evidence(the_case, "demand", finding.wanted));
  if (the_case.known.keeps_archive)
    finding.hint = recreated ? question_of_a_replaced(finding.subject) : question(finding.subject);
  if (may_be_migrated(listing, known.oid))
    leave_to_the_migration(the_case, listing, known.oid, finding);
  finding.evidence.push_back(evidence(
      the_case, "catalog",
      fmt::format(
          "oid {} is not in pg_class; it was {}.{} of {}, about {} rows, {}", to_string(known.oid),
          known.schema, known.name, known.owner, known.rows_estimate,
          format_size(static_cast<std::uint64_t>(std::max<std::int64_t>(known.size_bytes, 0))))));
  add_who_removed(the_case, finding);
  finding.loss.push_back(
      fmt::format("table {} (about {} rows)", finding.subject, known.rows_estimate));
  finding.rows_lost = known.rows_estimate;
  return finding;
}

}  // namespace

std::vector<Finding> table_dropped(const Case& the_case) {
  std::vector<Finding> findings;
  for (const auto& [database, lost] : missing_tables(the_case)) {
    const auto& listing = the_case.seen.catalog.listings.at(database);
    const auto schemas = dropped_schemas(the_case.known, database, lost, listing);
    for (const auto* known : lost)
      if (!schemas.contains(known->schema))
        findings.push_back(dropped(the_case, database, *known, listing));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
