// Whether what is gone is wanted back: by the configuration, or by an app whose statement named it
// after it went. What was dropped on purpose stays dropped, and who did it seldom says so: where it
// is not sure that this very table was meant, it is not wanted.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

// When it was last there. Of what went while nobody was looking nothing was heard from before.
SteadyTime went_after(const Case& the_case, const std::string& database, Oid oid) {
  const auto listing = the_case.seen.catalog.listings.find(database);
  if (listing == the_case.seen.catalog.listings.end()) return SteadyTime::max();
  const auto found = listing->second.gone.find(oid.value);
  return found == listing->second.gone.end() ? SteadyTime::min() : found->second.at;
}

bool is_named(const incident::KnownRelation& relation, const std::string& name) {
  if (name.find('.') != std::string::npos) return name == relation.qualified();
  return name == relation.name;
}

// Of those that are known, there or gone, where the statement may have been: two of a name in two
// schemas, or in two databases where the log does not tell which, and either may be meant.
std::ptrdiff_t may_be_meant(const Known& known, const sense::AskedFor& asked) {
  std::ptrdiff_t count = 0;
  for (const auto& [database, relations] : known.relations) {
    if (!asked.database.empty() && asked.database != database) continue;
    count += std::ranges::count_if(
        relations, [&](const auto& relation) { return is_named(relation, asked.relation); });
  }
  return count;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

// Retention drops partitions every day, and who reads one by its name finds it gone.
std::string wanted(const Case& the_case, const std::string& database,
                   const incident::KnownRelation& table) {
  if (contains(the_case.known.required_tables, database + "." + table.qualified()))
    return "the configuration requires it";
  if (table.kind == 'c') return {};
  const auto since = went_after(the_case, database, table.oid);
  const auto means_it = [&](const sense::AskedFor& asked) {
    if (asked.at < since || !is_named(table, asked.relation)) return false;
    if (!asked.database.empty() && asked.database != database) return false;
    return may_be_meant(the_case.known, asked) == 1;
  };
  const auto& asked = the_case.seen.log_watch.asked;
  const auto found = std::ranges::find_if(asked, means_it);
  if (found == asked.end()) return {};
  return fmt::format("an app asked for it {} ago", ago(the_case, found->at));
}

std::string wanted(const Case& the_case, const std::string& database) {
  if (!contains(the_case.known.required_databases, database)) return {};
  return "the configuration requires it";
}

}  // namespace pgkeel::diagnose
