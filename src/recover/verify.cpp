// See verify.hpp.
#include "recover/verify.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/rules.hpp"
#include "sense/catalog_watch.hpp"

namespace pgkeel::recover {
namespace {

using incident::Verification;

constexpr Seconds kLookPatience{5};

Verification check(std::string_view name, bool passed, std::string note) {
  return {wall_now(), std::string(name), passed, std::move(note)};
}

Verification check_probe(std::string_view name, const sense::ProbeFacts& facts) {
  return check(name, facts.ok(),
               facts.ok() ? fmt::format("took {}", humane_duration(facts.took))
                          : fmt::format("{}: {}", sense::to_string(facts.result), facts.note));
}

Verification check_write(const sense::Observation& seen) {
  if (seen.login.in_recovery) return check("write", true, "a standby takes no writes");
  if (!seen.probes_writes) return check("write", true, "no write is tried here");
  return check_probe("write", seen.write);
}

// What diagnosis still misses of the given kind, unless its own incident is open.
std::vector<std::string> missing(const diagnose::Case& the_case, diagnose::Rule rule,
                                 const std::vector<std::string>& excused) {
  std::vector<std::string> names;
  for (const auto& finding : rule(the_case))
    if (std::ranges::find(excused, finding.subject) == excused.end())
      names.push_back(finding.subject);
  return names;
}

// What was not looked at is not present: a guard that has just begun has seen no catalog yet.
bool looked_everywhere(const diagnose::Case& the_case) {
  const auto& catalog = the_case.seen.catalog;
  // Of a server elsewhere only the databases the configuration names are looked into.
  if (diagnose::out_of_sight(the_case)) return catalog.seen && !catalog.listings.empty();
  if (catalog.listings.size() >= sense::kWatchedDatabasesMax) return true;  // no room for more
  return catalog.seen && std::ranges::all_of(the_case.known.relations, [&](const auto& known) {
           const auto named = [&](const auto& database) { return database.name == known.first; };
           return std::ranges::none_of(catalog.databases, named) ||
                  catalog.listings.contains(known.first);
         });
}

Verification check_objects(std::string_view name, const diagnose::Case& the_case,
                           const std::vector<std::string>& lost, std::size_t known) {
  if (!looked_everywhere(the_case)) return check(name, false, "not all were looked at yet");
  if (lost.empty()) return check(name, true, fmt::format("{} known, all present", known));
  std::string note = "missing:";
  for (const auto& subject : lost) note += " " + subject;
  return check(name, false, std::move(note));
}

std::size_t known_tables(const diagnose::Known& known) {
  std::size_t count = 0;
  for (const auto& [database, relations] : known.relations) count += relations.size();
  return count;
}

}  // namespace

runtime::Task<std::vector<Verification>> verify_service(Services* services,
                                                        const diagnose::Known* known,
                                                        std::vector<std::string> excused) {
  co_await services->senses.look_now(services->loop.after(kLookPatience));
  const auto& seen = services->senses.observation();
  const diagnose::Case the_case{seen, *known, services->loop.now(), wall_now()};
  auto lost_databases = missing(the_case, diagnose::database_dropped, excused);
  auto never_made = missing(the_case, diagnose::database_missing, excused);
  lost_databases.insert(lost_databases.end(), never_made.begin(), never_made.end());
  auto lost_tables = missing(the_case, diagnose::table_dropped, excused);
  auto lost_schemas = missing(the_case, diagnose::schema_dropped, excused);
  lost_tables.insert(lost_tables.end(), lost_schemas.begin(), lost_schemas.end());
  co_return std::vector<Verification>{
      check_probe("login", seen.login), check_write(seen),
      check_objects("databases", the_case, lost_databases, seen.catalog.databases.size()),
      check_objects("tables", the_case, lost_tables, known_tables(*known))};
}

bool all_passed(const std::vector<Verification>& checks) {
  return std::ranges::all_of(checks, &Verification::passed);
}

}  // namespace pgkeel::recover
