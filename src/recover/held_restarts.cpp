// See held_restarts.hpp.
#include "recover/held_restarts.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.hpp"
#include "diagnose/rules.hpp"
#include "instance/fence.hpp"
#include "recover/decide.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using instance::Restarter;
using runtime::Task;

constexpr std::string_view kHeldFact = "held_restarter";
constexpr Seconds kLookEvery{1};
constexpr Seconds kTryAgain{60};  // what fails once will not be tried every moment
constexpr std::size_t kIncidentsLookedThrough = 50;

bool known_one_serves(const Services& services) {
  const auto& seen = services.senses.observation();
  const auto& control = seen.files.data_dir.control;
  const auto identity = services.ledger.identity();
  return seen.healthy() && control && identity && identity->has_value() &&
         control->system_id == (*identity)->system_id;
}

}  // namespace

Result<std::optional<Restarter>> held_restarter(const incident::Ledger& ledger) {
  TRY(text, ledger.fact(kHeldFact));
  return instance::parse_restarter(text);
}

// What starts nothing now is what we made of it where the same one is held already.
Task<Result<Restarter>> hold_restarts(Services* services) {
  CO_TRY(now, co_await services->instance.restarter());
  CO_TRY(kept, held_restarter(services->ledger));
  const bool ours = kept && kept->name == now.name && instance::starts_nothing(now);
  if (ours) co_return std::move(*kept);
  if (instance::starts_nothing(now)) co_return now;
  CO_TRY_VOID(services->ledger.set_fact(kHeldFact, instance::to_text(now)));
  CO_TRY_VOID(co_await services->instance.set_restarter(instance::held(now)));
  co_return now;
}

// What somebody set meanwhile is theirs: only what we set is set back.
Task<Result<std::optional<Restarter>>> release_restarts(Services* services) {
  CO_TRY(kept, held_restarter(services->ledger));
  if (!kept) co_return std::optional<Restarter>();
  const auto now = co_await services->instance.restarter();
  if (!now && now.error().code != ErrorCode::NotFound) co_return fail(now.error());
  const bool theirs = now && now->name == kept->name && *now != instance::held(*kept);
  if (theirs) {
    CO_TRY_VOID(services->ledger.set_fact(kHeldFact, ""));
    co_return *now;
  }
  const auto set = co_await services->instance.set_restarter(*kept);
  // A container that is gone is restarted by nobody; the one that came after it was never held.
  const bool gone = !set && set.error().code == ErrorCode::NotFound;
  // A service held by a node that manages its Swarm no more is still held.
  const bool never =
      !set && set.error().code == ErrorCode::NotSupported && kept->kind != Restarter::Kind::Service;
  if (!set && !gone && !never) co_return fail(set.error());
  CO_TRY_VOID(services->ledger.set_fact(kHeldFact, ""));
  if (!set) co_return std::optional<Restarter>();
  co_return std::move(kept);
}

std::string release_words(const Restarter& kept, const std::optional<Restarter>& released) {
  if (!released) return "what was held is gone: " + instance::describe(kept);
  if (*released == kept) return "set back: " + instance::describe(kept);
  return fmt::format("left as somebody set it meanwhile ({}; it was: {})",
                     instance::describe(*released), kept.setting);
}

namespace {

struct DueAct {
  std::string what;
  Task<Result<std::string>> (*act)(Services* services);  ///< what was done
};

Task<Result<std::string>> make_due_checkpoint(Services* services) {
  CO_TRY_VOID(co_await run_statement(services, maintenance_database(*services), "checkpoint"));
  CO_TRY_VOID(services->ledger.set_fact(kCheckpointDueFact, ""));
  co_return std::string("CHECKPOINT made");
}

Task<Result<std::string>> clear_stale_note(Services* services) {
  CO_TRY_VOID(instance::unfence_data(services->instance.data_dir()));
  co_return std::string("note removed");
}

Task<Result<std::string>> set_back(Services* services) {
  CO_TRY(kept, held_restarter(services->ledger));
  CO_TRY(released, co_await release_restarts(services));
  if (!kept) co_return std::string("nothing was held any more");
  co_return release_words(*kept, released);
}

std::vector<DueAct> due_acts(const Services& services) {
  std::vector<DueAct> acts;
  const auto checkpoint = services.ledger.fact(kCheckpointDueFact);
  if (checkpoint && !checkpoint->empty() && services.instance.inspect_lock().servers == 1)
    acts.push_back(
        {"make the CHECKPOINT that is due since a second server was ended", make_due_checkpoint});
  if (instance::has_stale_note(services.instance.data_dir()))
    acts.push_back({"remove the note of a fence that was taken back", clear_stale_note});
  const auto kept = held_restarter(services.ledger);
  if (kept && *kept)
    acts.push_back({"set back as it was: " + instance::describe(**kept), set_back});
  return acts;
}

// With the open incident about the server, or else the last one; where there is none, in the
// history of decisions.
Result<void> note(const Services& services, const GuardState& state, const std::string& text) {
  const auto event = incident::Event{wall_now(), "while the known cluster serves: " + text};
  if (const auto* tracked = state.find(diagnose::kInstanceSubject))
    return services.journal.add_event(tracked->id, event);
  TRY(recent, services.journal.list(kIncidentsLookedThrough));
  const auto last =
      std::ranges::find(recent, diagnose::kInstanceSubject, &incident::Incident::subject);
  if (last != recent.end()) return services.journal.add_event(last->id, event);
  return services.ledger.note_decision("the guard", "release", event.text);
}

// What is tried again and again is noted once; without the note nothing is done.
Task<Result<void>> carry_out(Services* services, const GuardState* state, const DueAct* due,
                             std::set<std::string>* noted) {
  const bool first = !noted->contains(due->what);
  if (first) CO_TRY_VOID(note(*services, *state, due->what));
  noted->insert(due->what);
  const auto done = co_await due->act(services);
  if (!done) {
    if (first) CO_TRY_VOID(note(*services, *state, "not done yet: " + done.error().message()));
    co_return fail(done.error());
  }
  noted->erase(due->what);
  log_info("done while the known cluster serves", {{"what", *done}});
  co_return note(*services, *state, *done);
}

}  // namespace

Task<void> release_when_served(Services* services, const Policy* policy, const GuardState* state,
                               std::stop_token stop) {
  std::set<std::string> noted;
  while (!stop.stop_requested()) {
    auto next = kLookEvery;
    const bool may = policy->mode == Mode::Act && !state->paused;
    const auto acts =
        may && known_one_serves(*services) ? due_acts(*services) : std::vector<DueAct>();
    for (const auto& due : acts) {
      if (state->paused) break;
      const auto done = co_await carry_out(services, state, &due, &noted);
      if (done) continue;
      log_warning("not done yet", {{"what", due.what}, {"why", done.error().message()}});
      next = kTryAgain;
    }
    static_cast<void>(co_await services->loop.sleep_in_step(next, stop));
  }
}

}  // namespace pgkeel::recover
