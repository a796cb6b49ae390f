// See case.hpp. All pure.
#include "diagnose/case.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// A session that raises lines like the record's would fill the report else.
constexpr std::size_t kDdlToldMost = 20;

using Entry = sense::ServerLogFacts::Entry;

bool is_consequence(const std::vector<Entry>& entries, const Entry& entry) {
  return std::ranges::any_of(
      entries, [&](const Entry& earlier) { return explains(earlier.signature, entry.signature); });
}

}  // namespace

bool server_absent(const Case& the_case) {
  const auto& seen = the_case.seen;
  const auto& lock = seen.files.lock;
  // The look at the files takes a while, in which somebody may have started the server.
  if (lock.state == instance::LockState::Live || lock.settling) return false;
  return seen.process.state == sense::ProcessState::Absent && seen.files.seen &&
         seen.files.at >= seen.process.at;
}

bool lost_from_sight(const Case& the_case) {
  const auto& login = the_case.seen.login;
  return !login.ok() && login.failures > 0 && out_of_sight(the_case);
}

bool out_of_sight(const Case& the_case) {
  const auto& seen = the_case.seen;
  return !seen.reach.sees_process && !seen.reach.sees_files &&
         seen.process.state == sense::ProcessState::Unknown;
}

bool data_is_ours(const Case& the_case) {
  if (out_of_sight(the_case)) {
    const auto told = the_case.seen.login.system_id;
    return !the_case.known.identity || !told.valid() || told == the_case.known.identity->system_id;
  }
  const auto& data_dir = the_case.seen.files.data_dir;
  if (data_dir.state != instance::DataDirState::Present || !data_dir.control) return false;
  return !the_case.known.identity ||
         the_case.known.identity->system_id == data_dir.control->system_id;
}

bool stopped_cleanly(const Case& the_case) {
  const auto& control = the_case.seen.files.data_dir.control;
  return control && pg::is_clean(control->state) &&
         the_case.seen.files.lock.state == instance::LockState::None;
}

const instance::HostingFacts* hosting_of(const Case& the_case) {
  const auto& facts = the_case.seen.hosting.facts;
  return facts && facts->error.empty() ? &*facts : nullptr;
}

const sense::ServerLogFacts::Entry* logged(const Case& the_case, pg::Signature signature) {
  for (const auto& entry : the_case.seen.server_log.entries)
    if (entry.signature == signature) return &entry;
  return nullptr;
}

const sense::ServerLogFacts::Entry* last_stop_request(const Case& the_case) {
  const sense::ServerLogFacts::Entry* found = nullptr;
  for (const auto& entry : the_case.seen.server_log.entries) {
    switch (entry.signature) {
      case pg::Signature::ShutdownFast:
      case pg::Signature::ShutdownSmart:
      case pg::Signature::ShutdownImmediate: found = &entry; break;
      case pg::Signature::Starting: found = nullptr; break;
      default: break;
    }
  }
  return found;
}

incident::Evidence evidence(const Case& the_case, std::string_view source, std::string text) {
  return {the_case.wall, std::string(source), std::move(text)};
}

const LogMeaning* told_reason(const Case& the_case) {
  const auto& entries = the_case.seen.server_log.entries;
  for (const auto& entry : entries) {
    const auto* meaning = meaning_of(entry.signature);
    const bool grave = meaning != nullptr && meaning->severity == incident::Severity::Critical;
    const bool says_why = entry.signature != pg::Signature::StartupFailed &&
                          entry.signature != pg::Signature::ProcessCrashed;
    if (grave && says_why && !is_consequence(entries, entry)) return meaning;
  }
  return nullptr;
}

void add_engine_words(const Case& the_case, Finding& finding) {
  constexpr Seconds kRecent{60};
  for (const auto& word : the_case.seen.hosting.words)
    if (the_case.now - word.at <= kRecent)
      finding.evidence.push_back(evidence(
          the_case, "engine", fmt::format("{} ({} ago)", word.text, ago(the_case, word.at))));
}

void add_who_removed(const Case& the_case, Finding& finding) {
  std::vector<incident::Evidence> told;
  for (const auto& line : the_case.seen.log_watch.ddl)
    if (pg::removed(line, finding.subject)) told.push_back({line.at, "ddl", pg::describe(line)});
  const auto left_out = told.size() - std::min(told.size(), kDdlToldMost);  // the oldest
  std::ranges::move(told | std::views::drop(left_out), std::back_inserter(finding.evidence));
}

std::optional<LastSeen> last_seen(const Case& the_case, const sense::LastPositions& gone, Oid oid) {
  const auto found = gone.find(oid.value);
  if (found == gone.end() || !found->second.lsn.valid()) return std::nullopt;
  return LastSeen{found->second.lsn,
                  std::chrono::duration_cast<Millis>(the_case.now - found->second.at)};
}

std::string ago(const Case& the_case, SteadyTime then) {
  return humane_duration(std::chrono::duration_cast<Millis>(the_case.now - then));
}

}  // namespace pgkeel::diagnose
