// See warning.hpp. The server itself compares versions where it keeps them; where it has none
// (musl, or a database that came from there) the libc the ledger remembers tells.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "diagnose/shell_words.hpp"
#include "diagnose/warning.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::size_t kNamedMax = 5;
constexpr std::size_t kCuresMax = 20;         // of some 500 bytes each
constexpr int kVersionsOfDatabases = 150000;  // before it only collations had one

bool another_libc(const sense::Observation& seen, const Known& known) {
  const auto& now = seen.process.libc;
  return known.identity && !known.identity->libc.empty() && !now.empty() &&
         known.identity->libc != now;
}

bool mismatched(const sense::DatabaseCollation& one, bool libc_differs) {
  if (one.recorded.empty() || one.actual.empty()) return libc_differs;
  return one.recorded != one.actual;
}

std::vector<sense::DatabaseCollation> mismatches(const sense::Observation& seen,
                                                 const Known& known) {
  std::vector<sense::DatabaseCollation> found;
  if (seen.collations.pid == 0 || seen.collations.pid != seen.process.pid) return found;
  const bool differs = another_libc(seen, known);
  std::ranges::copy_if(seen.collations.databases, std::back_inserter(found),
                       [differs](const auto& one) { return mismatched(one, differs); });
  return found;
}

const pg::LogLine* complaint(const std::vector<pg::LogLine>& lines) {
  const auto found = std::ranges::find_if(lines, [](const pg::LogLine& line) {
    return line.message.contains("collation version mismatch");
  });
  return found == lines.end() ? nullptr : &*found;
}

std::string versions(const std::vector<sense::DatabaseCollation>& databases) {
  std::string text;
  for (const auto& one : databases | std::views::take(kNamedMax))
    text += fmt::format("{}{} ({}, now {})", text.empty() ? "" : ", ", one.database,
                        one.recorded.empty() ? "none" : one.recorded,
                        one.actual.empty() ? "none" : one.actual);
  if (databases.size() > kNamedMax)
    text += fmt::format(" and {} more", databases.size() - kNamedMax);
  return text;
}

// What reindexdb --concurrently passes over with no more than a warning; this locks writers out of
// their tables, and fails as a whole.
constexpr std::string_view kPassedOver =
    "do $do$ declare i regclass; begin for i in select indexrelid from pg_index join pg_class on "
    "pg_class.oid = indexrelid where (indisexclusion or not indisvalid) and relkind = $q$i$q$ and "
    "relpersistence <> $q$t$q$ loop execute $q$reindex index $q$ || i; end loop; end $do$";

// The whole cure of one database: every index first, and only when that has gone well the version.
std::string cure(const std::string& database, int server_version) {
  const auto where = dbname_option(database);
  auto text = fmt::format(
      "reindexdb --concurrently {0} && psql {0} --set=ON_ERROR_STOP=1 --command={1} --command={2}",
      where, shell_word("set search_path = pg_catalog"), shell_word(kPassedOver));
  if (server_version > 0 && server_version < kVersionsOfDatabases) return text;
  const auto name = pg::quote_identifier(database).value_or("DATABASE");
  const auto refresh = fmt::format("alter database {} refresh collation version", name);
  return text + " --command=" + shell_word(refresh);
}

std::string cures(const std::vector<sense::DatabaseCollation>& databases, int server_version) {
  if (databases.empty()) return cure("DATABASE", server_version);
  std::string text;
  for (const auto& one : databases | std::views::take(kCuresMax))
    text += (text.empty() ? "" : "; ") + cure(one.database, server_version);
  if (databases.size() > kCuresMax)
    text += fmt::format("; and so for {} more", databases.size() - kCuresMax);
  return text;
}

}  // namespace

bool collations_hold(const sense::Observation& seen, const Known& known) {
  return seen.collations.pid != 0 && seen.collations.pid == seen.process.pid &&
         mismatches(seen, known).empty();
}

std::vector<Warning> libc_changed(const sense::Observation& seen, const Known& known,
                                  const std::vector<pg::LogLine>& lines) {
  const auto databases = mismatches(seen, known);
  const auto* line = complaint(lines);
  if (databases.empty() && (line == nullptr || collations_hold(seen, known))) return {};
  std::string text = another_libc(seen, known)
                         ? fmt::format("The server runs on {}, its indexes were built on {}. ",
                                       seen.process.libc, known.identity->libc)
                         : "Text is sorted by other rules than when the indexes were built. ";
  text += databases.empty() ? "The server says: " + line->message
                            : "Collation versions: " + versions(databases);
  text += ". Rows may not be found, and unique indexes may hold a value twice.";
  const auto version = seen.login.server_version;
  const bool old = version > 0 && version < kVersionsOfDatabases;
  return {
      {"libc_changed", text,
       fmt::format(
           "Go back to the image or host with the former libc; or make every index anew, in a "
           "quiet hour (it locks writers out only of tables with an exclusion constraint or an "
           "invalid index, which is REINDEX INDEX for each): {}{}. A unique index that has let a "
           "value in twice says so: remove one of the rows first. REFRESH alone hides the "
           "damage.",
           cures(databases, version),
           old ? "; then ALTER COLLATION ... REFRESH VERSION of each collation in use" : "")}};
}

}  // namespace pgkeel::diagnose
