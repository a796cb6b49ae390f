// Whether what is gone is wanted back: by the configuration, or by a client whose statement named
// it after it went. What was dropped on purpose stays dropped, and who did it seldom says so.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

// When it was last there; of what went while nobody was looking, the beginning of time: nobody was
// refused while it was there.
SteadyTime went_after(const sense::LastPositions& gone, Oid oid) {
  const auto found = gone.find(oid.value);
  return found == gone.end() ? SteadyTime::min() : found->second.at;
}

const sense::LastPositions* losses(const Case& the_case, const std::string& database,
                                   const incident::KnownRelation* relation) {
  if (relation == nullptr) return &the_case.seen.catalog.gone;
  const auto listing = the_case.seen.catalog.listings.find(database);
  return listing == the_case.seen.catalog.listings.end() ? nullptr : &listing->second.gone;
}

bool required(const Known& known, const std::string& database,
              const incident::KnownRelation* relation) {
  const auto& names = relation == nullptr ? known.required_databases : known.required_tables;
  const auto name = relation == nullptr ? database : database + "." + relation->qualified();
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string wanted(const Case& the_case, const std::string& database, Oid oid,
                   const incident::KnownRelation* relation) {
  if (required(the_case.known, database, relation)) return "the configuration requires it";
  const auto* gone = losses(the_case, database, relation);
  if (gone == nullptr) return {};
  const auto since = went_after(*gone, oid);
  const auto means_it = [&](const sense::AskedFor& asked) {
    if (asked.at < since || (!asked.database.empty() && asked.database != database)) return false;
    if (relation == nullptr) return asked.relation.empty();
    return asked.relation == relation->name || asked.relation == relation->qualified();
  };
  const auto& asked = the_case.seen.log_watch.asked;
  const auto found = std::ranges::find_if(asked, means_it);
  if (found == asked.end()) return {};
  return fmt::format("a client asked for it {} ago", ago(the_case, found->at));
}

}  // namespace pgkeel::diagnose
