// The server's connections are used up, or nearly: new clients are refused while the server itself
// is well. Who holds most of them is named; restarting the server would only hide it. Two subjects:
// the instance, when clients are refused, and "connections" before that.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "pg/sql_text.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::diagnose {
namespace {

using sense::SessionGroup;

constexpr std::string_view kNearSubject = "connections";
constexpr std::size_t kGroupsNamed = 3;
constexpr double kPercent = 100.0;
constexpr double kHeld = 0.05;  // below sense::kCrowdedShare, once named

bool is_ours(const SessionGroup& group) { return group.application.starts_with("pgkeel "); }

std::string words(const SessionGroup& group) {
  const auto* state = group.state.empty() ? "in a state that is not shown" : group.state.c_str();
  auto text = fmt::format("{} of role {} in database {}, application {}, {}", group.sessions,
                          group.user, group.database,
                          group.application.empty() ? "unnamed" : group.application.c_str(), state);
  if (group.longest > Seconds(0))
    text += fmt::format(", the longest for {}", humane_duration(group.longest));
  return text;
}

// The sessions that could go first: those that do nothing, of whoever has most of them.
std::string ending_idle(const SessionGroup& group) {
  const auto user = pg::quote_literal(group.user);
  const auto application = pg::quote_literal(group.application);
  if (!user || !application) return {};
  return fmt::format(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = {} and "
      "application_name = {} and state = 'idle' and state_change < now() - interval '1 minute'",
      *user, *application);
}

void name_offenders(const Case& the_case, Finding& finding) {
  const auto& activity = the_case.seen.activity;
  std::vector<const SessionGroup*> groups;
  if (activity.fresh(the_case.now))
    for (const auto& group : activity.groups)
      if (!is_ours(group)) groups.push_back(&group);
  if (groups.size() > kGroupsNamed) groups.resize(kGroupsNamed);
  for (const auto* group : groups)
    finding.evidence.push_back(
        evidence(the_case, "sessions",
                 fmt::format("{} ({} ago)", words(*group), ago(the_case, activity.at))));
  if (groups.empty()) {
    finding.hint =
        "see who is connected: select usename, application_name, state, count(*) from "
        "pg_stat_activity group by 1, 2, 3 order by 4 desc";
    return;
  }
  finding.summary += fmt::format(" Most: {}.", words(*groups.front()));
  const auto command = ending_idle(*groups.front());
  finding.hint =
      "let the application keep fewer connections, or put a pool in front of it; to end "
      "its idle ones now: " +
      command;
}

Finding of(const Case& the_case, std::string summary, std::string seen) {
  Finding finding;
  finding.cause = Cause::ConnectionStorm;
  finding.confidence = 0.95;
  finding.summary = std::move(summary);
  finding.evidence.push_back(evidence(the_case, "login", std::move(seen)));
  return finding;
}

// Who it is, is known a moment later; where that cannot be seen it is named without.
bool may_be_named(const Case& the_case, int looks, SteadyTime since) {
  constexpr int kWithoutNames = 4;
  const auto& activity = the_case.seen.activity;
  const bool informed = activity.seen && activity.at >= since;
  return looks >= (informed ? 1 : kWithoutNames) * the_case.known.confirm;
}

bool refused(const Case& the_case) {
  const auto& login = the_case.seen.login;
  return login.result == sense::ProbeResult::Rejected &&
         login.sqlstate == pg::sqlstate::kTooManyConnections &&
         may_be_named(the_case, login.failures, login.last_ok_at);
}

// The guard itself is not let in: a limit of the server, or of its role or database alone.
Finding at_the_door(const Case& the_case) {
  const auto& login = the_case.seen.login;
  auto finding = of(the_case, fmt::format("Logins are refused: {}.", login.note),
                    fmt::format("{} failures in a row, SQLSTATE {}: {}", login.failures,
                                login.sqlstate, login.note));
  if (login.ever_ok) finding.since = login.last_ok_at;
  name_offenders(the_case, finding);
  if (login.note.contains("too many connections for "))
    finding.hint +=
        "; the limit is one of the role or database alone (alter role ... connection "
        "limit)";
  return finding;
}

// So that a number of clients that swings about the threshold is one incident.
bool held_near(const Case& the_case) {
  const auto& login = the_case.seen.login;
  return the_case.known.open_subjects.contains(std::string(kNearSubject)) &&
         login.client_connections_used() >=
             (sense::kCrowdedShare - kHeld) * login.client_connections();
}

Finding by_count(const Case& the_case, bool crowded) {
  const auto& login = the_case.seen.login;
  const auto used = login.client_connections_used();
  const auto all = login.client_connections();
  const bool full = crowded && used >= all;
  auto seen = fmt::format("{} of {} connections clients may have are used", used, all);
  auto finding = of(the_case,
                    full ? fmt::format("Clients are refused: {} (max_connections = {}, {} "
                                       "reserved).",
                                       seen, login.connections_max, login.connections_reserved)
                         : fmt::format("{} ({:.0f} %).", seen, kPercent * used / all),
                    seen);
  if (!full) {
    finding.subject = kNearSubject;
    finding.wait = true;  // nobody is ended before somebody is refused
    finding.severity = incident::Severity::Warning;
  }
  name_offenders(the_case, finding);
  return finding;
}

}  // namespace

std::vector<Finding> connection_storm(const Case& the_case) {
  const auto& seen = the_case.seen;
  const bool runs = seen.process.state == sense::ProcessState::Running || out_of_sight(the_case);
  if (!runs) return {};
  if (refused(the_case)) return {at_the_door(the_case)};
  const auto& login = seen.login;
  if (!login.ok() || login.client_connections() <= 0) return {};
  const bool crowded = may_be_named(the_case, login.crowded_looks, login.crowded_since);
  if (!crowded && !held_near(the_case)) return {};
  return {by_count(the_case, crowded)};
}

}  // namespace pgkeel::diagnose
