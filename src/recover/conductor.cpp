// See conductor.hpp: the loop and the operator's words. What each decision does is in
// conductor_apply.cpp.
#include "recover/conductor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"
#include "diagnose/missing_tables.hpp"
#include "diagnose/rules.hpp"
#include "instance/fence.hpp"
#include "recover/abandoned.hpp"
#include "recover/held_restarts.hpp"
#include "recover/purpose.hpp"
#include "recover/second_server.hpp"
#include "recover/unfence.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Millis kTick{500};  // pauses and watches end on time even when nothing else happens
// Decisions follow each other at once (opened, then acted on); more than this in one turn would be
// the loop chasing its own tail.
constexpr int kDecisionsInARow = 20;
constexpr std::string_view kPausedFact = "paused_until";
constexpr std::string_view kForever = "resumed";

// Of what no server may start in, and the operator gives back.
std::optional<incident::Identity> fenced_identity(const std::filesystem::path& data_dir) {
  const auto fence = instance::read_fence(data_dir);
  if (!fence || !fence->control) return std::nullopt;
  incident::Identity identity;
  identity.system_id = fence->control->system_id;
  identity.timeline = fence->control->timeline;
  identity.major = fence->control->major;
  identity.last_lsn = fence->control->checkpoint;
  identity.data_dir = data_dir.string();
  identity.seen_at = wall_now();
  return identity;
}

bool names_a_cause(const Decision& decision) {
  return std::holds_alternative<OpenIncident>(decision) ||
         std::holds_alternative<RefineIncident>(decision);
}

bool finished(const incident::Action& action) {
  return action.outcome != incident::ActionOutcome::Pending;
}

}  // namespace

Conductor::Conductor(Services& services, Policy policy, diagnose::Known known)
    : services_(services),
      policy_(policy),
      known_(std::move(known)),
      bookkeeper_(services_, known_),
      control_keeper_(services_, known_),
      ballast_keeper_(services_),
      hooks_(services_),
      opened_(services_.loop) {}

Result<void> Conductor::resume() {
  TRY_VOID(bookkeeper_.load());
  TRY(paused, services_.ledger.fact(kPausedFact));
  if (!paused.empty()) {
    state_.paused = true;
    if (paused != kForever) {
      TRY(until, parse_iso8601(paused));
      paused_until_ = until;
    }
  }
  TRY(purpose, stopped_on_purpose(services_.ledger));
  state_.stopped_on_purpose = purpose;
  TRY(unfinished, services_.journal.unfinished());
  for (const auto& incident : unfinished) TRY_VOID(take_up(incident));
  return {};
}

Result<void> Conductor::take_up(const incident::Incident& unfinished) {
  const auto now = services_.loop.now();
  const auto wall = wall_now();
  Tracked tracked;
  tracked.id = unfinished.id;
  tracked.cause = diagnose::cause_by_name(unfinished.cause).value_or(diagnose::Cause::ServerKilled);
  tracked.subject = unfinished.subject;
  tracked.opened_at = now - (wall - unfinished.opened_at);
  tracked.state = unfinished.state == incident::IncidentState::Watching
                      ? incident::IncidentState::Watching
                      : state_after(Happening::GuardStarted);
  tracked.watch_until = now + policy_.watch_for;
  for (const auto& action : unfinished.actions) {
    // What was only advised was not begun.
    if (action.playbook != kAfterRecovery && action.outcome != incident::ActionOutcome::Advised) {
      tracked.attempts = 1;
      tracked.last_playbook = action.playbook;
    }
    if (action.step == "start_server" && wall - action.started_at < policy_.restarts_window)
      state_.starts.push_back(now - (wall - action.started_at));
    if (finished(action)) continue;
    const auto ended =
        services_.journal.end_action(action.id, incident::ActionOutcome::Interrupted,
                                     "the guard ended before the outcome was known", wall);
    if (!ended) log_error("journal not written", {{"why", ended.error().message()}});
  }
  log_warning("incident resumed", {{"incident", tracked.id}, {"cause", unfinished.cause}});
  TRY(by, abandoned_by(services_.ledger, unfinished.id));
  tracked.abandoned_by = by;
  state_.incidents.push_back(std::move(tracked));
  add_event(unfinished.id, "a new guard takes over");
  // Those that were due and never begun; what was begun is not begun again.
  const bool due = std::ranges::find(unfinished.events, kHooksDue, &incident::Event::text) !=
                   unfinished.events.end();
  if (unfinished.state == incident::IncidentState::Watching && due) start_hooks(unfinished.id);
  return {};
}

Task<void> Conductor::run(std::stop_token stop) {
  services_.loop.spawn(control_keeper_.run(stop));
  services_.loop.spawn(ballast_keeper_.run(stop));
  services_.loop.spawn(release_when_served(&services_, &policy_, &state_, stop));
  while (!stop.stop_requested()) {
    for (int i = 0; i < kDecisionsInARow; ++i) {
      const auto acted = co_await turn();
      if (!acted) break;
    }
    static_cast<void>(
        co_await services_.senses.changed().wait_until(services_.loop.in_step(kTick), stop));
  }
}

// One look, one round of decisions. True when anything was done.
Task<bool> Conductor::turn() {
  end_pause_when_due();
  bookkeeper_.update(open_subjects());
  const auto& seen = services_.senses.observation();
  const auto now = services_.loop.now();
  known_.open_subjects.clear();
  for (const auto& tracked : state_.incidents) known_.open_subjects.insert(tracked.subject);
  const auto wall = wall_now();
  findings_ = diagnose::diagnose({seen, known_, now, wall});
  note_purpose(is_stopped_on_purpose(state_, seen, findings_));
  auto decisions = decide(state_, seen, findings_, policy_, now);
  const bool named = std::ranges::any_of(decisions, names_a_cause);
  if (named) moment_ = std::make_shared<const diagnose::Moment>(seen, known_, now, wall);
  for (auto& decision : decisions) co_await apply(std::move(decision));
  if (named) opened_.notify_all();
  if (seen.healthy() || state_.find(diagnose::kGuardSubject) != nullptr)
    known_.predecessor.reset();  // told, once
  ++turns_;
  co_return !decisions.empty();
}

// Kept in the ledger: the next guard must know that what it finds was left so on purpose.
void Conductor::note_purpose(bool stopped) {
  if (stopped == state_.stopped_on_purpose) return;
  state_.stopped_on_purpose = stopped;
  const auto kept = keep_stop_on_purpose(services_.ledger, stopped);
  if (!kept) log_error("ledger not written", {{"why", kept.error().message()}});
}

void Conductor::end_pause_when_due() {
  if (!state_.paused || !paused_until_ || wall_now() < *paused_until_) return;
  const auto ended = unpause();
  if (!ended) log_error("pause not ended", {{"why", ended.error().message()}});
}

std::vector<std::string> Conductor::open_subjects() const {
  std::vector<std::string> subjects;
  for (const auto& tracked : state_.incidents)
    if (tracked.state != incident::IncidentState::Watching) subjects.push_back(tracked.subject);
  return subjects;
}

Result<void> Conductor::pause(std::optional<Millis> length) {
  paused_until_.reset();
  if (length) paused_until_ = wall_now() + *length;
  TRY_VOID(services_.ledger.set_fact(
      kPausedFact, paused_until_ ? to_iso8601(*paused_until_) : std::string(kForever)));
  state_.paused = true;
  log_warning("paused", {{"until", paused_until_ ? to_iso8601(*paused_until_) : "resumed"}});
  return {};
}

Result<void> Conductor::unpause() {
  TRY_VOID(services_.ledger.set_fact(kPausedFact, ""));
  TRY_VOID(forget_second_servers(services_.ledger));
  state_.paused = false;
  paused_until_.reset();
  state_.starts.clear();
  for (auto& tracked : state_.incidents) tracked.try_at_once();
  log_warning("resumed");
  services_.senses.poke();
  return {};
}

// Which cluster is there: as its control file says, fenced or not, or a server elsewhere itself.
std::optional<incident::Identity> Conductor::occupant() const {
  auto seen = bookkeeper_.seen_identity();
  return seen ? seen : fenced_identity(services_.instance.data_dir());
}

Result<void> Conductor::accept_identity(const incident::Identity& there, std::string_view who) {
  auto identity = known_.identity.value_or(incident::Identity{});
  identity.system_id = there.system_id;
  identity.timeline = there.timeline;
  identity.major = there.major;
  identity.last_lsn = there.last_lsn;
  identity.data_dir = there.data_dir;
  identity.seen_at = there.seen_at;
  TRY_VOID(services_.ledger.accept_identity(identity, who));
  TRY_VOID(bookkeeper_.load());
  log_warning("identity accepted", {{"system_id", to_string(identity.system_id)}, {"who", who}});
  services_.senses.changed().notify_all();
  return {};
}

std::vector<std::string> Conductor::unfence_plan() const {
  return recover::unfence_plan(services_, occupant());
}

// What would stop it half-way is looked at before anything is forgotten.
Task<Result<void>> Conductor::unfence(std::string who) {
  CO_TRY_VOID(instance::may_unfence(services_.instance.data_dir()));
  if (unfence_plan().empty())
    co_return fail(ErrorCode::WrongState,
                   "nothing is fenced or held, and no other cluster than the known one is there; "
                   "nothing was changed");
  const auto accepted = to_accept(known_.identity, occupant());
  if (accepted) CO_TRY_VOID(accept_identity(*accepted, who));
  CO_TRY_VOID(co_await give_data_back(&services_, who));
  for (auto& tracked : state_.incidents) tracked.try_at_once();
  if (const auto* tracked = state_.find(diagnose::kInstanceSubject); tracked != nullptr)
    add_event(tracked->id, "unfenced by " + who);
  services_.senses.poke();
  co_return Result<void>();
}

Result<void> Conductor::forget_relation(const std::string& subject, std::string_view who) {
  const auto dot = subject.find('.');
  if (dot == std::string::npos)
    return fail(ErrorCode::Usage, fmt::format("'{}' is not DATABASE.SCHEMA.TABLE", subject));
  TRY(accepted, accept_row_loss(services_.ledger, subject, who, known_));
  const auto* tracked = state_.find(subject);
  if (!accepted || (tracked != nullptr && !diagnose::about_rows(tracked->cause)))
    TRY_VOID(forget_tables(subject.substr(0, dot), subject.substr(dot + 1), who));
  if (tracked != nullptr) close(tracked->id, Happening::Over, "the operator says it was meant");
  return {};
}

// "schema.table", or a schema that is gone with its tables.
Result<void> Conductor::forget_tables(const std::string& database, const std::string& name,
                                      std::string_view who) {
  if (name.contains('.')) {
    TRY_VOID(services_.ledger.forget_relation(database, name, who));
    return bookkeeper_.load();
  }
  const auto& seen = services_.senses.observation();
  const auto missing = diagnose::missing_tables({seen, known_, services_.loop.now(), wall_now()});
  const auto lost = missing.find(database);
  int forgotten = 0;
  if (lost != missing.end())
    for (const auto* known : lost->second) {
      if (known->schema != name) continue;
      TRY_VOID(services_.ledger.forget_relation(database, known->qualified(), who));
      ++forgotten;
    }
  if (forgotten == 0)
    return fail(ErrorCode::NotFound,
                fmt::format("no table of a schema '{}.{}' is known and gone", database, name));
  return bookkeeper_.load();
}

Result<void> Conductor::forget_database(const std::string& name, std::string_view who) {
  TRY_VOID(services_.ledger.forget_database(name, who));
  TRY_VOID(bookkeeper_.load());
  if (const auto* tracked = state_.find(name))
    close(tracked->id, Happening::Over, "the operator says it was meant");
  return {};
}

// The longest name of a known database that the subject begins with: any may hold dots.
Result<void> Conductor::forget_restored(const std::string& subject, std::string_view by) {
  const incident::KnownDatabase* found = nullptr;
  for (const auto& database : known_.databases) {
    if (database.name == subject) return services_.ledger.forget_database(subject, by);
    const bool longer = found == nullptr || database.name.size() > found->name.size();
    if (longer && subject.starts_with(database.name + ".")) found = &database;
  }
  if (found == nullptr)
    return fail(ErrorCode::NotFound, fmt::format("the ledger knows nothing of '{}'", subject));
  return services_.ledger.forget_relation(found->name, subject.substr(found->name.size() + 1), by);
}

Result<void> Conductor::know_anew(const std::string& subject, std::string_view who,
                                  std::int64_t rows_there) {
  const auto by = fmt::format("restored by {}", who);
  const auto forgotten = forget_restored(subject, by);
  if (!forgotten && forgotten.error().code != ErrorCode::NotFound) return forgotten;
  TRY_VOID(end_row_loss(services_.ledger, subject, rows_there, known_));
  TRY_VOID(bookkeeper_.load());
  if (const auto* tracked = state_.find(subject)) add_event(tracked->id, by);
  services_.senses.poke();
  return {};
}

Result<void> Conductor::abandon(const std::string& incident, std::string_view who) {
  auto* tracked = state_.by_id(incident);
  if (tracked == nullptr)
    return fail(ErrorCode::NotFound, fmt::format("no unfinished incident '{}'", incident));
  TRY_VOID(keep_abandoned(services_.ledger, incident, who));
  tracked->abandoned_by = who;
  add_event(incident, fmt::format("abandoned by {}: nothing more is done for it", who));
  log_warning("incident abandoned", {{"incident", incident}, {"who", who}});
  services_.senses.poke();
  return {};
}

Result<void> Conductor::take_back(const std::string& incident) {
  auto* tracked = state_.by_id(incident);
  if (tracked == nullptr)
    return fail(ErrorCode::NotFound, fmt::format("no unfinished incident '{}'", incident));
  TRY_VOID(keep_abandoned(services_.ledger, incident, ""));
  tracked->abandoned_by.clear();
  tracked->try_at_once();
  add_event(incident, "taken back: the guard acts for it again");
  log_warning("incident taken back", {{"incident", incident}});
  services_.senses.poke();
  return {};
}

}  // namespace pgkeel::recover
