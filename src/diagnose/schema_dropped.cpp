// A schema the ledger knows tables of is not there any more, and they are gone: one finding for all
// of them. Excluded: a schema that was renamed or whose tables were moved (they keep their oids), a
// single table, which is named itself.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/missing_tables.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::size_t kNamesShown = 10;

bool database_still_there(const Case& the_case, const std::string& name) {
  const auto& known = the_case.known.databases;
  const auto row = std::ranges::find(known, name, &incident::KnownDatabase::name);
  return std::ranges::any_of(the_case.seen.catalog.databases, [&](const auto& database) {
    return database.name == name && (row == known.end() || row->oid == database.oid);
  });
}

std::unordered_set<std::uint32_t> oids_of(const sense::RelationListing& listing) {
  std::unordered_set<std::uint32_t> oids;
  for (const auto& relation : listing.relations) oids.insert(relation.oid.value);
  return oids;
}

MissingTables of_schema(const MissingTables& missing, const std::string& schema) {
  MissingTables tables;
  std::ranges::copy_if(missing, std::back_inserter(tables),
                       [&](const auto* known) { return known->schema == schema; });
  return tables;
}

// The position before the first of them went: they may have gone one by one.
std::optional<LastSeen> earliest(const Case& the_case, const MissingTables& tables,
                                 const sense::RelationListing& listing) {
  std::optional<LastSeen> first;
  for (const auto* known : tables) {
    const auto seen = last_seen(the_case, listing.gone, known->oid);
    if (seen && (!first || seen->lsn < first->lsn)) first = seen;
  }
  return first;
}

std::string names_of(const MissingTables& tables) {
  std::string names;
  for (std::size_t i = 0; i < std::min(tables.size(), kNamesShown); ++i)
    names += fmt::format("{}{}", i == 0 ? "" : ", ", tables[i]->name);
  if (tables.size() > kNamesShown)
    names += fmt::format(" and {} more", tables.size() - kNamesShown);
  return names;
}

Finding dropped(const Case& the_case, const std::string& database, const std::string& schema,
                const MissingTables& tables, const sense::RelationListing& listing) {
  Finding finding;
  finding.cause = Cause::SchemaDropped;
  finding.subject = database + "." + schema;
  finding.confidence = 0.98;
  finding.since = listing.before;
  finding.last_seen = earliest(the_case, tables, listing);
  std::int64_t rows = 0;
  for (const auto* known : tables) {
    rows += known->rows_estimate;
    finding.loss.push_back(fmt::format("table {}.{} (about {} rows)", database, known->qualified(),
                                       known->rows_estimate));
  }
  finding.summary = fmt::format("Schema {} is gone with the {} tables that were in it.",
                                finding.subject, tables.size());
  finding.evidence.push_back(
      evidence(the_case, "catalog",
               fmt::format("no schema {} in pg_namespace, and of its tables none in pg_class: {}",
                           schema, names_of(tables))));
  add_who_removed(the_case, finding);
  finding.rows_lost = rows;
  finding.hint = fmt::format(
      "'pgkeel undrop {0}.TABLE' restores each of its tables from an archive ('create schema' "
      "first), 'pgkeel undrop forget {0}' if it was meant",
      finding.subject);
  return finding;
}

}  // namespace

std::map<std::string, MissingTables> missing_tables(const Case& the_case) {
  const auto& catalog = the_case.seen.catalog;
  std::map<std::string, MissingTables> missing;
  if (!catalog.seen || !data_is_ours(the_case)) return missing;
  for (const auto& [database, relations] : the_case.known.relations) {
    const auto listing = catalog.listings.find(database);
    if (listing == catalog.listings.end() || listing->second.truncated) continue;
    if (!database_still_there(the_case, database)) continue;
    const auto present = oids_of(listing->second);
    for (const auto& known : relations)
      if (!present.contains(known.oid.value)) missing[database].push_back(&known);
  }
  return missing;
}

std::set<std::string> dropped_schemas(const Known& known, const std::string& database,
                                      const MissingTables& missing,
                                      const sense::RelationListing& listing) {
  if (listing.schemas.empty()) return {};
  std::map<std::string, std::size_t> tables;
  for (const auto* row : missing) ++tables[row->schema];
  std::set<std::string> schemas;
  for (const auto& [schema, count] : tables) {
    const bool there = std::ranges::find(listing.schemas, schema) != listing.schemas.end();
    const auto all =
        std::ranges::count(known.relations.at(database), schema, &incident::KnownRelation::schema);
    if (listing.renamed_schemas.contains(schema)) continue;
    if (!there && count >= kTablesOfSchemaMin && std::cmp_equal(count, all)) schemas.insert(schema);
  }
  return schemas;
}

std::vector<Finding> schema_dropped(const Case& the_case) {
  std::vector<Finding> findings;
  for (const auto& [database, missing] : missing_tables(the_case)) {
    const auto& listing = the_case.seen.catalog.listings.at(database);
    for (const auto& schema : dropped_schemas(the_case.known, database, missing, listing))
      findings.push_back(dropped(the_case, database, schema, of_schema(missing, schema), listing));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
