// A file of the server's data is damaged: a page whose checksum is wrong, a block that is not
// there, a piece of a large value or the state of a transaction that is gone, a file that was
// deleted. One finding a file. Nothing is repaired in place: what is still whole is worth more than
// a guess.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"

namespace pgkeel::diagnose {
namespace {

// Damage does not heal: it is named for a day after it was last met.
constexpr Seconds kHeld{24 * 3600};

// "pg_toast_27282": the message names no file.
std::string toast_table(std::string_view message) {
  const auto at = message.find("pg_toast_");
  if (at == std::string_view::npos) return {};
  const auto rest = message.substr(at);
  return std::string(rest.substr(0, rest.find_first_not_of("pgtoas_0123456789")));
}

std::string damaged(const Trouble& trouble) {
  auto file = relation_file(trouble.event.text);
  return file.empty() ? toast_table(trouble.event.text) : file;
}

std::string hint(const std::string& file, const std::string& database) {
  std::string find;
  const auto slash = file.rfind('/');
  const bool in_base = file.starts_with("base/") && slash != std::string::npos;
  if (in_base)
    find = fmt::format("what it is: psql -d {} -c \"select pg_filenode_relation(0, {})\"; ",
                       database.empty() ? "DATABASE" : database,
                       file.substr(slash + 1, file.find('.', slash) - slash - 1));
  return find +
         "restore it beside the live one ('pgkeel undrop DATABASE.SCHEMA.TABLE --as NAME') and "
         "check the disk ('dmesg', smartctl); an index alone is made anew with REINDEX INDEX "
         "CONCURRENTLY; never zero_damaged_pages";
}

}  // namespace

std::vector<Finding> heap_corrupted(const Case& the_case) {
  using enum pg::Signature;
  std::map<std::string, const Trouble*> by_file;
  for (const auto* trouble :
       told_within(the_case, kHeld,
                   {PageCorrupt, ToastMissing, TransactionStatusMissing, RelationFileMissing})) {
    auto file = damaged(*trouble);
    if (!file.empty()) by_file[std::move(file)] = trouble;
  }
  std::vector<Finding> findings;
  for (const auto& [file, trouble] : by_file) {
    Finding finding;
    finding.cause = Cause::HeapCorrupted;
    finding.subject = file;
    finding.confidence = 0.95;
    finding.wait = true;
    finding.summary = fmt::format(
        "{} is damaged{}.", file,
        trouble->event.database.empty() ? "" : " (database " + trouble->event.database + ")");
    finding.hint = hint(file, trouble->event.database);
    finding.evidence.push_back(log_evidence(the_case, *trouble));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
