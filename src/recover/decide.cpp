// See decide.hpp. The shape: first the instance as a whole, then, only while it is healthy, the
// objects in it (a guard that was killed is told of all the same); for each, either there is a
// finding (open, refine, act or wait) or there is none (verify, watch, close).
#include "recover/decide.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "recover/remedy.hpp"

namespace pgkeel::recover {
namespace {

using diagnose::Cause;
using diagnose::Finding;
using incident::IncidentState;

struct Scene {
  const GuardState& state;
  const sense::Observation& seen;
  const Policy& policy;
  SteadyTime now;
};

// An unfinished incident takes a more telling cause, never a lesser one.
bool refines(const Tracked& tracked, const Finding& finding) {
  return diagnose::cause_info(finding.cause).rank > diagnose::cause_info(tracked.cause).rank;
}

// Our own stop of a hung server looks like anybody's request to stop; it is not one. A clean stop
// is never ours, because a hung server is stopped at once; and merely continuing it stops nothing.
bool our_own_stop(const sense::Observation& seen, const Tracked& tracked) {
  const auto& control = seen.files.data_dir.control;
  const bool clean = control && pg::is_clean(control->state);
  if (tracked.attempts == 0 || tracked.state == IncidentState::Watching) return false;
  if (tracked.cause == Cause::FreshCluster) return true;     // it was stopped to make room
  if (tracked.last_playbook == "restore_data") return true;  // a restored cluster was never started
  if (tracked.last_playbook == "reattach_data") return true;  // its container was stopped for it
  return tracked.cause == Cause::ServerHung && !clean && tracked.last_playbook != "resume_server";
}

// Between two steps of a playbook the world may look like another cause: a guard that comes upon it
// goes on with what was begun.
Finding in_the_light_of(const Scene& scene, const Tracked& tracked, Finding finding) {
  if (finding.cause == Cause::StoppedByOperator && our_own_stop(scene.seen, tracked))
    finding.cause = Cause::ServerKilled;
  // Whoever it was meant by: what was begun to be brought back is brought back.
  const bool dropped =
      finding.cause == Cause::TableDropped || finding.cause == Cause::DatabaseDropped;
  if (dropped && tracked.attempts > 0) {
    finding.wait = false;
    if (finding.wanted.empty()) finding.wanted = "it was begun to be brought back";
  }
  const bool making_room = tracked.cause == Cause::FreshCluster && tracked.attempts > 0;
  const bool in_between = finding.cause == Cause::VolumeLost || finding.cause == Cause::DataFenced;
  if (in_between && making_room) {
    finding.cause = Cause::FreshCluster;
    finding.wait = false;
  }
  return finding;
}

std::optional<Decision> wait_once(const Tracked& tracked, std::string why) {
  if (tracked.state == IncidentState::Waiting && tracked.waiting_for == why) return std::nullopt;
  return WaitForHuman{tracked.id, std::move(why), false};
}

// What a finding asks of a human is more than its remedy's general words.
std::string waits_for(const Finding& finding, const Remedy& remedy) {
  if (finding.hint.empty()) return std::string(remedy.waits_for);
  return "a human: " + finding.hint;
}

std::string abandoned_words(const Tracked& tracked) {
  return fmt::format("a human: {} abandoned it ('pgkeel incident resume {}' takes it back)",
                     tracked.abandoned_by, tracked.id);
}

Decision give_up(const Scene& scene, const Tracked& tracked, const Finding& finding) {
  auto why = fmt::format(
      "a human: {} starts within {} were not enough ('pgkeel resume' "
      "tries again)",
      scene.policy.restarts_max, humane_duration(scene.policy.restarts_window));
  if (!finding.hint.empty()) why += "; " + finding.hint;
  return WaitForHuman{tracked.id, std::move(why), true};
}

std::optional<Decision> act(const Scene& scene, const Tracked& tracked, const Finding& finding,
                            const Remedy& remedy) {
  if (scene.policy.mode == Mode::Advise) {
    if (tracked.advised == finding.cause) return std::nullopt;
    return AdvisePlaybook{tracked.id, remedy.playbook, finding};
  }
  if (tracked.gave_up) return std::nullopt;
  if (remedy.starts_server && !within_budget(scene.state, scene.policy, scene.now))
    return give_up(scene, tracked, finding);
  const bool again = tracked.last_playbook == remedy.playbook;
  if (again && scene.now < tracked.next_attempt_at) return std::nullopt;
  return RunPlaybook{tracked.id, remedy.playbook, finding};
}

// After a stop by the operator, what stands in the data directory's place may be an upgrade
// or a restore in progress: named, never undone. A fresh cluster that runs is neither.
bool meant_by_operator(const Scene& scene, const Finding& finding) {
  return scene.state.stopped_on_purpose && finding.subject == diagnose::kInstanceSubject &&
         finding.cause != Cause::StoppedByOperator && !finding.wait;
}

std::optional<Decision> answer(const Scene& scene, const Tracked& tracked, const Finding& seen) {
  const Finding finding = in_the_light_of(scene, tracked, seen);
  if (refines(tracked, finding)) return RefineIncident{tracked.id, finding};
  if (scene.state.paused) return wait_once(tracked, "the guard is paused ('pgkeel resume')");
  if (!tracked.abandoned_by.empty()) return wait_once(tracked, abandoned_words(tracked));
  const auto remedy = remedy_for(finding, scene.seen, scene.policy);
  if (meant_by_operator(scene, finding))
    return wait_once(tracked, "a human: the server was stopped on purpose before this was seen");
  if (remedy.playbook.empty()) return wait_once(tracked, waits_for(finding, remedy));
  return act(scene, tracked, finding, remedy);
}

// Clients are refused as of one look, and a finding needs several: a guard that has just begun.
bool no_room_for_clients(const sense::LoginFacts& login) {
  return login.client_connections() > 0 &&
         login.client_connections_used() >= login.client_connections();
}

// A guard that has just begun does not know yet how the archive is doing, what goes on inside the
// server, or what its log told.
bool may_judge(const Scene& scene, const Tracked& tracked) {
  const bool of_activity = diagnose::about_activity(tracked.cause, tracked.subject);
  if (of_activity && !scene.seen.activity.fresh(scene.now)) return false;
  if (tracked.cause == Cause::ConnectionStorm && no_room_for_clients(scene.seen.login))
    return false;
  if (diagnose::about_log(tracked.cause) && !scene.seen.log_watch.seen) return false;
  return !diagnose::about_archive(tracked.cause) ||
         (scene.seen.archive.settled && scene.seen.sync.seen);
}

std::optional<Decision> after_recovery(const Scene& scene, const Tracked& tracked) {
  switch (tracked.state) {
    case IncidentState::Watching:
      if (scene.now < tracked.watch_until || tracked.hooks_running) return std::nullopt;
      return CloseIncident{tracked.id, Happening::StableThroughWatch, "stable through the watch"};
    case IncidentState::Closed: return std::nullopt;
    default:
      if (tracked.cause == Cause::StoppedByOperator)
        return CloseIncident{tracked.id, Happening::Over, "the server runs again"};
      if (scene.now < tracked.next_verify_at || !may_judge(scene, tracked)) return std::nullopt;
      return VerifyRecovery{tracked.id};
  }
}

std::optional<Decision> for_subject(const Scene& scene, const Tracked* tracked,
                                    const Finding* finding) {
  if (finding == nullptr) return after_recovery(scene, *tracked);
  if (tracked == nullptr) return OpenIncident{*finding, ""};
  if (tracked->state == IncidentState::Watching) return OpenIncident{*finding, tracked->id};
  return answer(scene, *tracked, *finding);
}

const Finding* top_finding(const std::vector<Finding>& findings, std::string_view subject) {
  const auto found = std::ranges::find(findings, subject, &Finding::subject);
  return found == findings.end() ? nullptr : &*found;
}

void decide_instance(const Scene& scene, const std::vector<Finding>& findings,
                     std::vector<Decision>& decisions) {
  const auto* finding = top_finding(findings, diagnose::kInstanceSubject);
  const auto* tracked = scene.state.find(diagnose::kInstanceSubject);
  if (finding == nullptr && (tracked == nullptr || !scene.seen.healthy())) return;
  if (auto decision = for_subject(scene, tracked, finding))
    decisions.push_back(std::move(*decision));
}

// What a guard has to say of guards does not wait until the server is well.
bool may_be_told(const Scene& scene, const Finding& finding) {
  if (finding.subject == diagnose::kInstanceSubject) return false;
  return scene.seen.healthy() || finding.subject == diagnose::kGuardSubject;
}

void decide_objects(const Scene& scene, const std::vector<Finding>& findings,
                    std::vector<Decision>& decisions) {
  for (const auto& finding : findings) {
    if (!may_be_told(scene, finding)) continue;
    if (auto decision = for_subject(scene, scene.state.find(finding.subject), &finding))
      decisions.push_back(std::move(*decision));
  }
  if (!scene.seen.healthy()) return;
  for (const auto& tracked : scene.state.incidents) {
    if (tracked.subject == diagnose::kInstanceSubject) continue;
    if (top_finding(findings, tracked.subject) != nullptr) continue;
    if (auto decision = after_recovery(scene, tracked)) decisions.push_back(std::move(*decision));
  }
}

}  // namespace

const Tracked* GuardState::find(std::string_view subject) const {
  const auto found = std::ranges::find(incidents, subject, &Tracked::subject);
  return found == incidents.end() ? nullptr : &*found;
}

void Tracked::try_at_once() {
  gave_up = false;
  next_attempt_at = {};
  next_verify_at = {};
  verify_tries = 0;
  waiting_for.clear();
}

Tracked* GuardState::by_id(std::string_view id) {
  const auto found = std::ranges::find(incidents, id, &Tracked::id);
  return found == incidents.end() ? nullptr : &*found;
}

bool is_stopped_on_purpose(const GuardState& state, const sense::Observation& seen,
                           const std::vector<Finding>& findings) {
  const auto* finding = top_finding(findings, diagnose::kInstanceSubject);
  if (finding == nullptr) return state.stopped_on_purpose && !seen.healthy();
  if (finding->cause == Cause::FreshCluster) return false;  // its container was started since
  if (finding->cause != Cause::StoppedByOperator) return state.stopped_on_purpose;
  const auto* tracked = state.find(diagnose::kInstanceSubject);
  return tracked == nullptr || !our_own_stop(seen, *tracked);
}

bool within_budget(const GuardState& state, const Policy& policy, SteadyTime now) {
  const auto recent = std::ranges::count_if(
      state.starts, [&](SteadyTime at) { return now - at < policy.restarts_window; });
  return recent < policy.restarts_max;
}

Seconds backoff(int attempts) {
  constexpr auto kPauses = std::to_array<int>({0, 1, 2, 5, 10, 30, 60});
  const auto index = std::min(static_cast<std::size_t>(std::max(attempts, 0)), kPauses.size() - 1);
  return Seconds(kPauses.at(index));
}

std::vector<Decision> decide(const GuardState& state, const sense::Observation& seen,
                             const std::vector<Finding>& findings, const Policy& policy,
                             SteadyTime now) {
  const Scene scene{state, seen, policy, now};
  std::vector<Decision> decisions;
  decide_instance(scene, findings, decisions);
  decide_objects(scene, findings, decisions);
  return decisions;
}

}  // namespace pgkeel::recover
