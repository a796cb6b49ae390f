// Tables the ledger knows and their database does not have any more, and which of them went with
// their whole schema. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

using MissingTables = std::vector<const incident::KnownRelation*>;

/// By database; databases that are gone themselves and listings that were cut are left out.
[[nodiscard]] std::map<std::string, MissingTables> missing_tables(const Case& the_case);

/// A single table more is named as a table.
inline constexpr std::size_t kTablesOfSchemaMin = 2;
/// Schemas that are not there any more, of which so many tables are missing and none is left: a
/// schema that was renamed took the others along.
[[nodiscard]] std::set<std::string> dropped_schemas(const Known& known, const std::string& database,
                                                    const MissingTables& missing,
                                                    const sense::RelationListing& listing);

}  // namespace pgkeel::diagnose
