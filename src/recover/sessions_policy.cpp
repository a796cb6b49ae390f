// See sessions_policy.hpp.
#include "recover/sessions_policy.hpp"

#include <algorithm>

#include "pg/sqlstate.hpp"

namespace pgkeel::recover {
namespace {

// The senses round to seconds: what is a second longer is certainly so long.
bool beyond(Seconds time, Seconds limit) { return limit > Seconds(0) && time > limit; }

bool idle_in_transaction(std::string_view state) {
  return state.starts_with("idle in transaction");
}

}  // namespace

bool clients_are_refused(const sense::LoginFacts& login) {
  if (login.result == sense::ProbeResult::Rejected)
    return login.sqlstate == pg::sqlstate::kTooManyConnections;
  return login.ok() && login.client_connections() > 0 &&
         login.client_connections_used() >= login.client_connections();
}

bool has_idle_sessions(const sense::ActivityFacts& activity, const EndSessions& policy) {
  return activity.seen && std::ranges::any_of(activity.groups, [&](const auto& group) {
           if (group.application.starts_with("pgkeel")) return false;
           if (idle_in_transaction(group.state))
             return beyond(group.longest, policy.idle_in_transaction);
           return group.state == "idle" && beyond(group.longest, policy.idle);
         });
}

bool has_idle_transaction(const sense::ActivityFacts& activity, const EndSessions& policy) {
  return activity.seen && std::ranges::any_of(activity.transactions, [&](const auto& one) {
           const bool felt = one.blocks > 0 || one.xmin_age > kXminAgeFelt;
           return felt && idle_in_transaction(one.state) &&
                  beyond(one.in_state_for, policy.idle_in_transaction);
         });
}

}  // namespace pgkeel::recover
