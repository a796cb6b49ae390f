// The guard's own start ended at once and no more telling cause explains it. The server's last
// words are the evidence, and the earliest of them that nothing else explains is the reason: WAL
// that is gone, a library that is missing, memory it cannot have. The restart budget decides how
// often it is tried again.
#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/log_meaning.hpp"

namespace pgkeel::diagnose {
namespace {

using Entry = sense::ServerLogFacts::Entry;

bool is_consequence(const std::vector<Entry>& entries, const Entry& entry) {
  for (const auto& earlier : entries)
    if (explains(earlier.signature, entry.signature)) return true;
  return false;
}

const LogMeaning* reason_in(const std::vector<Entry>& entries) {
  for (const auto& entry : entries) {
    const auto* meaning = meaning_of(entry.signature);
    const bool grave = meaning != nullptr && meaning->severity == incident::Severity::Critical;
    const bool says_why = entry.signature != pg::Signature::StartupFailed &&
                          entry.signature != pg::Signature::ProcessCrashed;
    if (grave && says_why && !is_consequence(entries, entry)) return meaning;
  }
  return nullptr;
}

}  // namespace

std::vector<Finding> server_start_failed(const Case& the_case) {
  const auto& start = the_case.seen.start;
  if (!server_absent(the_case) || !data_is_ours(the_case) || !start.failed) return {};
  if (!stopped_by_operator(the_case).empty()) return {};
  const auto& entries = the_case.seen.server_log.entries;
  const auto* reason = reason_in(entries);
  Finding finding;
  finding.cause = Cause::ServerStartFailed;
  finding.confidence = reason == nullptr ? 0.7 : 0.9;
  finding.summary =
      reason == nullptr
          ? std::string("The server ends again as soon as it is started.")
          : fmt::format("The server ends again as soon as it is started: {}.", reason->sentence);
  if (reason != nullptr) finding.hint = std::string(reason->advice);
  finding.evidence.push_back(evidence(the_case, "process", start.note));
  for (const auto& entry : entries)
    finding.evidence.push_back(evidence(the_case, "server_log", entry.text));
  return {finding};
}

}  // namespace pgkeel::diagnose
