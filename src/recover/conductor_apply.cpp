// What each decision of the conductor does to incident, journal and world.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/overloaded.hpp"
#include "diagnose/excluded.hpp"
#include "diagnose/rules.hpp"
#include "incident/event_words.hpp"
#include "recover/abandoned.hpp"
#include "recover/conductor.hpp"
#include "recover/last_seen.hpp"
#include "recover/mended.hpp"
#include "recover/remedy.hpp"
#include "recover/second_server.hpp"
#include "recover/verify.hpp"

namespace pgkeel::recover {
namespace {

using incident::IncidentState;
using incident::Verification;
using runtime::Task;

// A search that found nothing, a statement that failed for good reasons: tried again this seldom.
constexpr Seconds kHumanRetryEvery{30};
constexpr Seconds kVerifyRetryEvery{1};
// A playbook that failed so often will not mend it by being tried every minute.
constexpr int kFailuresMax = 5;
constexpr Seconds kFailedRetryEvery{600};
// An invariant that does not hold is asked again with growing pauses; after so many tries a human
// is called, and it is asked seldom.
constexpr int kVerifyTriesMax = 6;
constexpr Seconds kLookPatience{3};  // for the catalog watch to see what a playbook made

incident::Incident incident_from(const diagnose::Finding& finding, SteadyTime now) {
  const auto& info = diagnose::cause_info(finding.cause);
  incident::Incident incident;
  incident.opened_at = wall_now();
  if (finding.since) incident.detected = std::chrono::duration_cast<Millis>(now - *finding.since);
  incident.cause = info.name;
  incident.confidence = finding.confidence;
  incident.subject = finding.subject;
  incident.severity = finding.severity.value_or(info.severity);
  incident.summary = finding.summary;
  return incident;
}

void take_cause(incident::Incident& incident, const diagnose::Finding& finding) {
  const auto& info = diagnose::cause_info(finding.cause);
  incident.cause = info.name;
  incident.confidence = finding.confidence;
  incident.severity = finding.severity.value_or(info.severity);
  incident.summary = finding.summary;
}

// How it ended, for people: what interrupted nobody was not a service restored.
std::string over_words(const Tracked& tracked, Millis took, const sense::Observation& seen) {
  const auto cause = tracked.cause;
  const auto& interval = seen.sync.unprotected;
  if (cause == diagnose::Cause::CommitsUnprotected && interval && interval->until)
    return fmt::format("{}; they were not {}", incident::kProtectedEvent,
                       diagnose::unprotected_words(*interval));
  if (diagnose::interrupts_nobody(cause, tracked.subject))
    return fmt::format("{} {}", incident::kOverEvent, humane_duration(took));
  return fmt::format("{} after {}", incident::kRestoredEvent, humane_duration(took));
}

// A database made for the first time holds nothing yet that could be as it must be: the operator's
// hooks, a migration perhaps, come first.
bool had_data(const Tracked& tracked) {
  return tracked.cause != diagnose::Cause::DatabaseMissing &&
         !diagnose::interrupts_nobody(tracked.cause, tracked.subject);
}

// Re-creating something empty is a loss even though service is back.
bool loses_rows(std::string_view playbook) {
  return playbook == kRecreateTable.name || playbook == kRecreateDatabase.name;
}

// What came back is as old as the last look at it.
bool is_restored(std::string_view playbook) {
  return playbook == kRestoreTable.name || playbook == kRestoreDatabase.name;
}

std::string loss_of_restore(const std::string& subject,
                            const Result<std::optional<diagnose::LastSeen>>& seen) {
  if (!seen || !*seen)
    return fmt::format("what was written to {} since the last checkpoint before it was dropped",
                       subject);
  return fmt::format("what was written to {} in the last {} before it was found dropped", subject,
                     humane_duration((*seen)->age));
}

// Else a human filled the place, with what cannot be told.
bool brought_back_by_us(const incident::Incident& incident) {
  return std::ranges::any_of(incident.actions, [](const incident::Action& action) {
    const bool found_again =  // the same step may have made a copy, which is placed by another
        action.step == "reattach_directory" ||
        (action.step == "bring_data_back" && !action.note.starts_with("restored"));
    const bool places = found_again || action.step == "place_restored_data";
    return places && action.outcome == incident::ActionOutcome::Done;
  });
}

}  // namespace

// A way the table does not know is a bug; it is taken all the same, since a guard that stops is the
// worse end, and said.
void Conductor::move(Tracked& tracked, Happening happening) {
  const auto next = state_after(happening);
  if (!allowed(tracked.state, happening))
    log_error("no such transition", {{"incident", tracked.id},
                                     {"from", to_string(tracked.state)},
                                     {"happening", to_string(happening)}});
  tracked.state = next;
}

template <class Change>
void Conductor::amend(const std::string& id, Change change) {
  auto incident = services_.journal.load(id);
  if (incident) {
    change(*incident);
    const auto written = services_.journal.update(*incident);
    if (written) return;
    log_error("journal not written", {{"incident", id}, {"why", written.error().message()}});
    return;
  }
  log_error("journal not read", {{"incident", id}, {"why", incident.error().message()}});
}

void Conductor::add_event(const std::string& id, std::string text) {
  const auto written = services_.journal.add_event(id, {wall_now(), std::move(text)});
  if (!written) log_error("journal not written", {{"why", written.error().message()}});
}

void Conductor::tell(const std::string& id, std::string_view note) {
  if (services_.alerts == nullptr) return;
  const auto incident = services_.journal.load(id);
  if (incident) services_.alerts->incident_changed(*incident, note);
}

// A journal that takes nothing is one more reason to call somebody.
void Conductor::tell_unjournaled(incident::Incident incident, IncidentState state) {
  if (services_.alerts == nullptr) return;
  incident.id = "not-journaled-" + incident.cause;
  incident.state = state;
  const bool over = state == IncidentState::Closed;
  services_.alerts->incident_changed(
      incident, over ? "The state database takes entries again; the incident has another number."
                     : "The state database takes no entries; nothing is done without it.");
}

void Conductor::add_evidence(const std::string& id, const diagnose::Finding& finding) {
  for (const auto& item : finding.evidence) {
    const auto written = services_.journal.add_evidence(id, item);
    if (!written) log_error("journal not written", {{"why", written.error().message()}});
  }
  for (const auto& other : finding.alternatives)
    add_event(id, fmt::format("{}{}; what would tell: {}", incident::kAlternativeEvent, other.what,
                              other.tells));
}

// What somebody would think of first, and why it is not that: for the report.
void Conductor::add_excluded(const std::string& id) {
  const diagnose::Case the_case{services_.senses.observation(), known_, services_.loop.now(),
                                wall_now()};
  for (const auto& not_it : diagnose::excluded(the_case, findings_))
    add_event(id, fmt::format("{}{}, because {}", incident::kExcludedEvent,
                              diagnose::cause_info(not_it.cause).name, not_it.because));
}

Task<void> Conductor::apply(Decision decision) {
  if (auto* run = std::get_if<RunPlaybook>(&decision)) {
    co_await run_playbook_of(std::move(*run));
  } else if (auto* check = std::get_if<VerifyRecovery>(&decision)) {
    co_await verify(check->id);
  } else {
    std::visit(Overloaded{[this](const OpenIncident& d) { open(d); },
                          [this](const RefineIncident& d) { refine(d); },
                          [this](const AdvisePlaybook& d) { advise(d); },
                          [this](const WaitForHuman& d) { wait(d); },
                          [this](const CloseIncident& d) { close(d.id, d.happening, d.why); },
                          [](const auto&) {}},
               decision);
  }
}

void Conductor::open(const OpenIncident& decision) {
  const auto now = services_.loop.now();
  const auto& finding = decision.finding;
  if (!decision.closes.empty())
    close(decision.closes, Happening::FaultAgain,
          fmt::format("its watch was broken: {} of {} began",
                      diagnose::cause_info(finding.cause).name, finding.subject));
  auto incident = incident_from(finding, now);
  const auto id = services_.journal.open(incident);
  if (!id) {
    log_error("incident not journaled; nothing is done without it",
              {{"cause", incident.cause}, {"why", id.error().message()}});
    tell_unjournaled(std::move(incident), IncidentState::Waiting);
    return;
  }
  log_error("incident opened", {{"incident", *id},
                                {"cause", incident.cause},
                                {"subject", incident.subject},
                                {"summary", incident.summary}});
  ++opened_by_cause_[incident.cause];
  Tracked tracked;
  tracked.id = *id;
  tracked.cause = finding.cause;
  tracked.subject = finding.subject;
  tracked.opened_at = now;
  tracked.moment = moment_;
  state_.incidents.push_back(std::move(tracked));
  opened_.notify_all();
  add_evidence(*id, finding);
  if (finding.subject == diagnose::kInstanceSubject) add_excluded(*id);
  if (finding.last_seen) {
    const auto kept = keep_last_seen(services_.ledger, *id, *finding.last_seen);
    if (!kept) log_error("ledger not written", {{"why", kept.error().message()}});
  }
  tell_unjournaled(std::move(incident), IncidentState::Closed);
  tell(*id, "");
}

void Conductor::refine(const RefineIncident& decision) {
  auto* tracked = state_.by_id(decision.id);
  if (tracked == nullptr) return;
  const auto& finding = decision.finding;
  const auto before = diagnose::cause_info(tracked->cause).name;
  const auto after = diagnose::cause_info(finding.cause).name;
  tracked->cause = finding.cause;
  tracked->moment = moment_;
  tracked->waiting_for.clear();
  amend(decision.id, [&](incident::Incident& incident) { take_cause(incident, finding); });
  add_event(decision.id, fmt::format("cause refined: {}, was {}", after, before));
  add_evidence(decision.id, finding);
  tell(decision.id, "");
  log_error("cause refined", {{"incident", decision.id}, {"cause", after}, {"was", before}});
}

void Conductor::wait(const WaitForHuman& decision) {
  auto* tracked = state_.by_id(decision.id);
  if (tracked == nullptr) return;
  move(*tracked, Happening::HumanNeeded);
  tracked->waiting_for = decision.why;
  tracked->gave_up = tracked->gave_up || decision.gives_up;
  amend(decision.id, [](incident::Incident& incident) { incident.state = IncidentState::Waiting; });
  add_event(decision.id, "waiting for " + decision.why);
  tell(decision.id, "Waiting for " + decision.why + ".");
  log_warning("waiting", {{"incident", decision.id}, {"for", decision.why}});
}

void Conductor::advise(const AdvisePlaybook& decision) {
  auto* tracked = state_.by_id(decision.id);
  if (tracked == nullptr) return;
  tracked->advised = decision.finding.cause;
  move(*tracked, Happening::HumanNeeded);
  const auto advised = advise_playbook(services_, playbook_by_name(decision.playbook),
                                       decision.finding, decision.id);
  if (!advised) log_error("journal not written", {{"why", advised.error().message()}});
  amend(decision.id, [](incident::Incident& incident) { incident.state = IncidentState::Waiting; });
  add_event(decision.id, "mode = advise: the steps above were shown, not done");
  tell(decision.id, "mode = \"advise\": what would be done is shown, not done.");
}

void Conductor::close(const std::string& id, Happening happening, std::string_view why) {
  if (auto* tracked = state_.by_id(id)) move(*tracked, happening);
  amend(id, [](incident::Incident& incident) {
    incident.state = IncidentState::Closed;
    incident.closed_at = wall_now();
  });
  add_event(id, fmt::format("{}{}", incident::kClosedEvent, why));
  tell(id, fmt::format("Closed: {}.", why));
  log_info("incident closed", {{"incident", id}, {"why", why}});
  const auto forgotten = keep_abandoned(services_.ledger, id, "");
  if (!forgotten) log_error("ledger not written", {{"why", forgotten.error().message()}});
  std::erase_if(state_.incidents, [&](const Tracked& tracked) { return tracked.id == id; });
}

Task<void> Conductor::run_playbook_of(RunPlaybook decision) {
  const auto id = decision.id;
  auto* tracked = state_.by_id(id);
  if (tracked == nullptr || !tracked->abandoned_by.empty()) co_return;
  const auto now = services_.loop.now();
  const auto remedy = remedy_for(decision.finding, services_.senses.observation(), policy_);
  if (remedy.starts_server) {
    state_.starts.push_back(now);
    ++restarts_;
  }
  move(*tracked, Happening::PlaybookBegan);
  tracked->waiting_for.clear();
  ++tracked->attempts;
  tracked->last_playbook = decision.playbook;
  tracked->next_attempt_at = now + backoff(tracked->attempts);
  const bool loses = loses_rows(decision.playbook);
  const bool restores = is_restored(decision.playbook);
  if (restores && !decision.finding.wanted.empty())
    add_event(id, "wanted back: " + decision.finding.wanted);
  amend(id, [&](incident::Incident& incident) {
    incident.state = IncidentState::Recovering;
    if (restores)
      incident.loss = {loss_of_restore(incident.subject, last_seen(services_.ledger, id))};
    if (restores) incident.rows_lost.reset();
    if (!loses) return;
    incident.loss = decision.finding.loss;
    incident.rows_lost = decision.finding.rows_lost;
  });
  const auto report = co_await run_playbook(&services_, &playbook_by_name(decision.playbook),
                                            decision.finding, id, &state_);
  co_await services_.senses.look_at_files();
  const bool about_object = decision.finding.subject != diagnose::kInstanceSubject;
  if (about_object) co_await services_.senses.look_now(services_.loop.after(kLookPatience));
  after_playbook(id, report);
}

void Conductor::after_playbook(const std::string& id, const RunReport& report) {
  const auto reloaded = bookkeeper_.load();  // a playbook may have changed the ledger
  if (!reloaded) log_error("ledger not read", {{"why", reloaded.error().message()}});
  services_.senses.poke();
  auto* tracked = state_.by_id(id);
  if (tracked == nullptr) return;
  switch (report.outcome) {
    case RunOutcome::Done: return;
    case RunOutcome::NeedsHuman:
      tracked->next_attempt_at =
          services_.loop.after(std::max(kHumanRetryEvery, report.retry_after));
      wait({id, report.why, false});
      add_event(id, fmt::format("it stands at {}", report.place));
      return;
    case RunOutcome::Failed:
      add_event(id, fmt::format("{} ended early: {}", report.place, report.why));
      if (++tracked->failures % kFailuresMax != 0) return;
      tracked->next_attempt_at = services_.loop.after(kFailedRetryEvery);
      wait({id,
            fmt::format("a human: {} tries failed, the last with: {}", tracked->failures,
                        report.why),
            false});
      return;
    case RunOutcome::Paused:
      add_event(id, fmt::format("{} ended early: {}", report.place, report.why));
      return;
  }
}

Task<void> Conductor::verify(std::string id) {
  // Other incidents excuse what they miss; this one's own subject has to be there.
  auto excused = open_subjects();
  if (const auto* own = state_.by_id(id)) std::erase(excused, own->subject);
  auto checks = co_await verify_service(&services_, &known_, std::move(excused));
  const auto* mine = state_.by_id(id);
  if (all_passed(checks) && mine != nullptr && had_data(*mine)) {
    auto more = co_await check_invariants(&services_);
    std::ranges::move(more, std::back_inserter(checks));
  }
  if (!all_passed(checks)) {
    not_verified(id, checks);
    co_return;
  }
  for (const auto& check : checks) {
    const auto written = services_.journal.add_verification(id, check);
    if (!written) log_error("journal not written", {{"why", written.error().message()}});
  }
  restored(id);
}

// What does not hold keeps the incident open and is said once; nothing more is repaired for it.
void Conductor::not_verified(const std::string& id, const std::vector<Verification>& checks) {
  auto* tracked = state_.by_id(id);
  if (tracked == nullptr) return;
  const auto failed = std::ranges::find(checks, false, &Verification::passed);
  const bool invariant = failed->check.starts_with("invariant");
  const auto unmet = invariant ? fmt::format("{} {}", failed->check, failed->note) : std::string();
  const bool elsewhere = !services_.instance.capabilities().sees_process;
  if (invariant || elsewhere) ++tracked->verify_tries;
  tracked->next_verify_at =
      services_.loop.now() + std::max(kVerifyRetryEvery, backoff(tracked->verify_tries));
  const auto why = "a human: " + unmet;
  // What waits for a human already goes on waiting; what waited for anything else has it now.
  const bool asked =
      tracked->state == IncidentState::Waiting && (!invariant || tracked->waiting_for == why);
  if (!asked) move(*tracked, Happening::ChecksFailed);
  if (!invariant || unmet != tracked->unmet) log_warning("verification failed", {{"incident", id}});
  if (!invariant) return;
  if (unmet != tracked->unmet) {
    tracked->unmet = unmet;
    const auto state = tracked->state;
    amend(id, [state](incident::Incident& incident) { incident.state = state; });
    const auto written = services_.journal.add_verification(id, *failed);
    if (!written) log_error("journal not written", {{"why", written.error().message()}});
  }
  if (tracked->verify_tries >= kVerifyTriesMax && tracked->waiting_for != why)
    wait({id, why, false});
}

void Conductor::restored(const std::string& id) {
  auto* tracked = state_.by_id(id);
  if (tracked == nullptr) return;
  const auto now = services_.loop.now();
  const auto took = std::chrono::duration_cast<Millis>(now - tracked->opened_at);
  move(*tracked, Happening::ChecksPassed);
  tracked->watch_until = now + policy_.watch_for;
  tracked->unmet.clear();
  if (has_hooks(*tracked)) add_event(id, std::string(kHooksDue));
  const auto cause = tracked->cause;
  // Whoever brought the data back, also a human: what was missed before is there.
  if (cause == diagnose::Cause::VolumeLost) keep_files_back(services_.ledger);
  amend(id, [&](incident::Incident& incident) {
    incident.state = IncidentState::Watching;
    incident.recovered = took;
    const bool of_two = cause == diagnose::Cause::TwoServers;  // also where a human ended one
    if (of_two && incident.loss.empty()) incident.loss = {std::string(kTwoServersLoss)};
    const bool unseen = cause == diagnose::Cause::VolumeLost && !brought_back_by_us(incident);
    if (incident.loss.empty() && !unseen) incident.rows_lost = 0;
  });
  auto how = over_words(*tracked, took, services_.senses.observation());
  add_event(id, fmt::format("{}; watching for {}", how, humane_duration(policy_.watch_for)));
  how.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(how.front())));
  tell(id, how + ".");
  log_warning("service restored", {{"incident", id}, {"took_ms", took.count()}});
  start_hooks(id);
}

bool Conductor::has_hooks(const Tracked& tracked) const {
  return !services_.hooks.empty() && !diagnose::interrupts_nobody(tracked.cause, tracked.subject);
}

void Conductor::start_hooks(const std::string& id) {
  auto* tracked = state_.by_id(id);
  if (tracked == nullptr || !has_hooks(*tracked)) return;
  if (state_.paused) return hooks_.skip(id, "the guard is paused");
  if (policy_.mode == Mode::Advise) return hooks_.skip(id, "mode = advise");
  tracked->hooks_running = true;
  services_.loop.spawn(run_hooks(id));
}

Task<void> Conductor::run_hooks(std::string id) {
  co_await hooks_.run(id);
  if (auto* tracked = state_.by_id(id)) tracked->hooks_running = false;
}

}  // namespace pgkeel::recover
