// An index is damaged, or was built by other sorting rules than the server has now. One finding an
// index; the table it belongs to may be sound, and is checked before the index is made anew.
#include <map>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"
#include "pg/sql_text.hpp"
#include "sense/damaged.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kHeld{24 * 3600};

}  // namespace

std::vector<Finding> index_corrupted(const Case& the_case) {
  std::map<std::string, const Trouble*> by_index;
  for (const auto* trouble : told_within(the_case, kHeld, {pg::Signature::IndexCorrupt})) {
    const auto name = sense::quoted_name(trouble->event.text);
    const auto& database = trouble->event.database;
    by_index[name.empty() || database.empty() ? name : database + ": " + name] = trouble;
  }
  std::vector<Finding> findings;
  for (const auto& [index, trouble] : by_index) {
    const auto name = sense::quoted_name(trouble->event.text);
    Finding finding;
    finding.cause = Cause::IndexCorrupted;
    finding.subject = "index " + (index.empty() ? std::string("(unnamed)") : index);
    finding.confidence = 0.95;
    // Without both names nobody can tell which index it is.
    finding.wait = name.empty() || trouble->event.database.empty();
    finding.summary = fmt::format("Index {} is damaged.", name.empty() ? "(unnamed)" : name);
    finding.hint = fmt::format(
        "check its table ('pg_amcheck --heapallindexed'); when that is sound: REINDEX INDEX "
        "CONCURRENTLY SCHEMA.{} ('select oid::regclass from pg_class where relname = ...' writes "
        "it "
        "out)",
        name.empty() ? std::string("NAME") : pg::quote_identifier(name).value_or(name));
    finding.evidence.push_back(log_evidence(the_case, *trouble));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
