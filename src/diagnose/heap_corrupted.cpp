// A file of the server's data is damaged: a page whose checksum is wrong, a block that is not
// there, a piece of a large value or the state of a transaction that is gone, a file that was
// deleted, or all files of a database. One finding a file. Nothing is repaired in place: what is
// still whole is worth more than a guess. Of a relation's file a copy may be restored beside it.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/shell_words.hpp"
#include "diagnose/trouble.hpp"
#include "sense/damaged.hpp"

namespace pgkeel::diagnose {
namespace {

// Damage does not heal: it is named for a day after it was last met.
constexpr Seconds kHeld{24 * 3600};

// The number of a relation's file; empty for a part of it (27253_fsm) and for what is none.
std::string filenode(const std::string& file) {
  const auto slash = file.rfind('/');
  if (!file.starts_with("base/") || slash == std::string::npos) return {};
  auto number = file.substr(slash + 1, file.find('.', slash) - slash - 1);
  const bool digits = number.find_first_not_of("0123456789") == std::string::npos;
  return digits ? number : std::string();
}

std::string hint(const std::string& file, const std::string& database) {
  std::string find;
  if (const auto number = filenode(file); !number.empty())
    find = fmt::format("what it is: psql {} -c \"select pg_filenode_relation(0, {})\"; ",
                       dbname_option(database.empty() ? "DATABASE" : database), number);
  return find +
         "restore it beside the live one ('pgkeel undrop DATABASE.SCHEMA.TABLE --as NAME') and "
         "check the disk ('dmesg', smartctl); an index alone is made anew with REINDEX INDEX "
         "CONCURRENTLY; never zero_damaged_pages";
}

// A database whose directory is gone while pg_database still has it: nobody can connect to it. One
// that was dropped since is no finding.
bool was_dropped(const Case& the_case, const std::string& database) {
  const auto& catalog = the_case.seen.catalog;
  return catalog.seen && std::ranges::find(catalog.databases, database, &sense::Database::name) ==
                             catalog.databases.end();
}

void tell_of_database(const Case& the_case, const std::string& directory,
                      const std::string& database, Finding& finding) {
  finding.summary =
      fmt::format("The files of database {} are gone: {} does not exist.", database, directory);
  if (the_case.seen.catalog.seen)
    finding.evidence.push_back(
        evidence(the_case, "catalog", fmt::format("pg_database still has {}", database)));
  finding.hint = fmt::format(
      "restore it under another name (pgkeel undrop {} --as {}) and drop this one "
      "when that is whole; who removed the directory, and is the disk sound ('dmesg')?",
      shell_word(database), shell_word(database + "_restored"));
}

}  // namespace

std::vector<Finding> heap_corrupted(const Case& the_case) {
  using enum pg::Signature;
  std::map<std::string, const Trouble*> by_file;
  for (const auto* trouble : told_within(the_case, kHeld,
                                         {PageCorrupt, ToastMissing, TransactionStatusMissing,
                                          RelationFileMissing, DatabaseFilesMissing})) {
    auto file = sense::damaged_object(trouble->event);
    const bool is_dropped = trouble->event.signature == DatabaseFilesMissing &&
                            was_dropped(the_case, sense::quoted_name(trouble->event.text));
    if (!file.empty() && !is_dropped) by_file[std::move(file)] = trouble;
  }
  std::vector<Finding> findings;
  for (const auto& [file, trouble] : by_file) {
    Finding finding;
    finding.cause = Cause::HeapCorrupted;
    finding.subject = file;
    finding.confidence = 0.95;
    finding.wait = filenode(file).empty() && !file.starts_with("pg_toast_");
    finding.summary = fmt::format(
        "{} is damaged{}.", file,
        trouble->event.database.empty() ? "" : " (database " + trouble->event.database + ")");
    finding.hint = hint(file, trouble->event.database);
    finding.evidence.push_back(log_evidence(the_case, *trouble));
    if (trouble->event.signature == DatabaseFilesMissing)
      tell_of_database(the_case, file, sense::quoted_name(trouble->event.text), finding);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
