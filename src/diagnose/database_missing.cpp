// A database the configuration requires has never been seen by this guard: a first start, not a
// loss. It may be created without asking (features C1, B7).
#include "diagnose/case.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> database_missing(const Case& the_case) {
  const auto& catalog = the_case.seen.catalog;
  if (!catalog.seen || !the_case.seen.login.ok() || the_case.seen.login.in_recovery) return {};
  std::vector<Finding> findings;
  for (const auto& name : the_case.known.required_databases) {
    const auto named = [&name](const auto& database) { return database.name == name; };
    if (std::ranges::any_of(catalog.databases, named)) continue;
    if (std::ranges::any_of(the_case.known.databases, named)) continue;  // database_dropped
    Finding finding;
    finding.cause = Cause::DatabaseMissing;
    finding.subject = name;
    finding.confidence = 0.95;
    finding.summary = fmt::format("Database {} is required and was never seen here.", name);
    finding.evidence.push_back(
        evidence(the_case, "catalog", "not in pg_database, not in the ledger"));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
