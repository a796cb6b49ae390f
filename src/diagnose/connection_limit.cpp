// Connections are used up for some only: a role or a database has reached a limit of its own, or
// standbys and receivers take all of max_wal_senders. The server tells it in its log and is well;
// whoever is refused is not. Of the same cause as a storm, under a subject of its own: nothing is
// ended for it.
#include <map>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"
#include "sense/damaged.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kRefusedNow{300};  // those who try again do so sooner

struct Limited {
  std::string subject;
  std::string whose;    ///< "role app"
  std::string command;  ///< what raises it
};

// In another language only that it is a limit of somebody is known.
Limited limited_by(const sense::LogEvent& event) {
  if (event.signature == pg::Signature::TooManyWalSenders)
    return {"connections.wal_senders", "standbys and receivers of WAL",
            "max_wal_senders (takes a restart)"};
  const auto name = sense::quoted_name(event.text);
  for (const std::string_view kind : {"role", "database"})
    if (event.text.contains(fmt::format(" for {} \"", kind)))
      return {fmt::format("connections.{}.{}", kind, name), fmt::format("{} {}", kind, name),
              fmt::format("alter {} \"{}\" connection limit N", kind, name)};
  return {"connections.limit", "a role or a database", "its connection limit"};
}

// Who is there now, as the statistics show it.
int sessions_of(const Case& the_case, const Limited& limited) {
  int sessions = 0;
  for (const auto& group : the_case.seen.activity.groups)
    if (limited.whose == "role " + group.user || limited.whose == "database " + group.database)
      sessions += group.sessions;
  return sessions;
}

Finding finding_of(const Case& the_case, const Trouble& trouble) {
  const auto limited = limited_by(trouble.event);
  Finding finding;
  finding.cause = Cause::ConnectionStorm;
  finding.subject = limited.subject;
  finding.severity = incident::Severity::Warning;
  finding.wait = true;
  finding.confidence = 0.95;
  finding.summary =
      fmt::format("Connections are refused: {} may have no more of them.", limited.whose);
  finding.evidence.push_back(log_evidence(the_case, trouble));
  const auto sessions = sessions_of(the_case, limited);
  if (the_case.seen.activity.fresh(the_case.now) && sessions > 0)
    finding.evidence.push_back(
        evidence(the_case, "sessions",
                 fmt::format("{} has {} sessions ({} ago)", limited.whose, sessions,
                             ago(the_case, the_case.seen.activity.at))));
  finding.hint =
      fmt::format("let it keep fewer connections, or raise the limit: {}", limited.command);
  return finding;
}

}  // namespace

std::vector<Finding> connection_limit(const Case& the_case) {
  using enum pg::Signature;
  std::map<std::string, const Trouble*> newest;
  for (const auto* trouble :
       told_within(the_case, kRefusedNow, {ConnectionLimit, TooManyWalSenders}))
    newest[limited_by(trouble->event).subject] = trouble;
  std::vector<Finding> findings;
  for (const auto& [subject, trouble] : newest) findings.push_back(finding_of(the_case, *trouble));
  return findings;
}

}  // namespace pgkeel::diagnose
