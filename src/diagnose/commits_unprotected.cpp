// durability = "sync", and commits were acknowledged before the archive had them: the archive was
// lost and given up by policy, or somebody cancelled a commit that was waiting for it. The interval
// is the guard's own doing and known exactly; a cancelled wait is the server's word in its log.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::string_view kSubject = "archive.sync";
// One incident for many cancelled waits in a row.
constexpr Seconds kCanceledHeld{15};

Finding of(const Case& the_case, std::string_view source, std::string text) {
  Finding finding;
  finding.cause = Cause::CommitsUnprotected;
  finding.subject = kSubject;
  finding.confidence = 1.0;
  finding.wait = true;
  finding.evidence.push_back(evidence(the_case, source, text));
  finding.summary = std::move(text) + ".";
  return finding;
}

}  // namespace

std::string unprotected_words(const sense::Unprotected& interval) {
  const auto since = to_iso8601(interval.since);
  if (!interval.until) return "since " + since;
  const auto length = std::chrono::duration_cast<Millis>(*interval.until - interval.since);
  return fmt::format("from {} until {}, {}", since, to_iso8601(*interval.until),
                     humane_duration(length));
}

std::vector<Finding> commits_unprotected(const Case& the_case) {
  const auto& sync = the_case.seen.sync;
  if (!sync.wanted) return {};
  if (sync.unprotected && !sync.unprotected->until)
    return {of(the_case, "guard",
               fmt::format("Commits are acknowledged before they are in the archive, {}: {}",
                           unprotected_words(*sync.unprotected), sync.unprotected->why))};
  const auto& log = the_case.seen.log_watch;
  if (!log.last_canceled_at || the_case.now - *log.last_canceled_at >= kCanceledHeld) return {};
  return {of(the_case, "server log",
             "A commit was acknowledged whose wait for the archive was cancelled; until the "
             "archive has it, it is on the data's disk alone")};
}

}  // namespace pgkeel::diagnose
