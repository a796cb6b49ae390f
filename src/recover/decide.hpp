// The deciding half of recovery, pure: from what the guard was doing, what it sees and what time it
// is, to what it should do next. Level-triggered: it looks at the world as it is, not at how it got
// there, so a guard that was killed between any two steps decides the same as one that was not.
// It refuses to act while paused, in advise mode, on an operator's stop, beyond the restart budget.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "diagnose/finding.hpp"
#include "incident/model.hpp"
#include "recover/policy.hpp"
#include "recover/transitions.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose {
struct Moment;
}

namespace pgkeel::recover {

/// An unfinished incident, as far as deciding needs it.
struct Tracked {
  std::string id;
  diagnose::Cause cause = diagnose::Cause::ServerKilled;
  std::string subject;
  incident::IncidentState state = incident::IncidentState::Open;
  SteadyTime opened_at;
  int attempts = 0;            ///< playbooks run so far
  std::string last_playbook;   ///< another may follow it at once, itself only after a back-off
  SteadyTime next_attempt_at;  ///< back-off, and the pause between searches
  SteadyTime next_verify_at;
  SteadyTime watch_until;      ///< while Watching
  std::string waiting_for;     ///< while Waiting: said once, not every second
  int verify_tries = 0;        ///< in a row that an invariant did not hold
  std::string unmet;           ///< the invariant that does not hold, in words
  bool hooks_running = false;  ///< not closed before they ended
  bool gave_up = false;        ///< the restart budget is spent; only `resume` resets it
  int failures = 0;            ///< of playbooks that ended early
  std::shared_ptr<const diagnose::Moment> moment;  ///< of the round that named it; null: another's
  std::string abandoned_by;                        ///< who left it to people; empty: nobody
  std::optional<diagnose::Cause> advised;          ///< advise mode: shown already for this cause

  /// Forgets back-offs and what was given up.
  void try_at_once();
};

struct GuardState {
  std::vector<Tracked> incidents;
  bool paused = false;
  /// The operator stopped the server: whatever is found in its place was put there on purpose.
  bool stopped_on_purpose = false;
  std::vector<SteadyTime> starts;  ///< of the server, by the guard, within the budget's window

  [[nodiscard]] const Tracked* find(std::string_view subject) const;
  [[nodiscard]] Tracked* by_id(std::string_view id);
};

// What to do next, in order.
struct OpenIncident {
  diagnose::Finding finding;
  std::string closes;  ///< id of an incident under watch that this one takes over from, or empty
};
struct RefineIncident {
  std::string id;
  diagnose::Finding finding;
};
struct RunPlaybook {
  std::string id;
  std::string_view playbook;
  diagnose::Finding finding;
};
struct AdvisePlaybook {
  std::string id;
  std::string_view playbook;
  diagnose::Finding finding;
};
struct WaitForHuman {
  std::string id;
  std::string why;
  bool gives_up = false;  ///< the restart budget is spent
};
struct VerifyRecovery {
  std::string id;
};
struct CloseIncident {
  std::string id;
  Happening happening = Happening::Over;
  std::string why;
};
using Decision = std::variant<OpenIncident, RefineIncident, RunPlaybook, AdvisePlaybook,
                              WaitForHuman, VerifyRecovery, CloseIncident>;

/// The next decisions, at most one for each incident and for each finding without one.
[[nodiscard]] std::vector<Decision> decide(const GuardState& state, const sense::Observation& seen,
                                           const std::vector<diagnose::Finding>& findings,
                                           const Policy& policy, SteadyTime now);

/// Whether the server is down because somebody wanted it so: true from the first sign of a stop
/// that was not the guard's own, false once the known server serves again.
[[nodiscard]] bool is_stopped_on_purpose(const GuardState& state, const sense::Observation& seen,
                                         const std::vector<diagnose::Finding>& findings);
/// True while another start is within the budget. Also forgets starts older than the window.
[[nodiscard]] bool within_budget(const GuardState& state, const Policy& policy, SteadyTime now);
/// Pause before attempt number `attempts` (0 is the first): 0, 1, 2, 5, 10, 30 s, then 60 s.
[[nodiscard]] Seconds backoff(int attempts);

}  // namespace pgkeel::recover
