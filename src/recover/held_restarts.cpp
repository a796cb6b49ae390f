// See held_restarts.hpp.
#include "recover/held_restarts.hpp"

#include "base/log.hpp"
#include "instance/fence.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using instance::Restarter;
using runtime::Task;

constexpr std::string_view kHeldFact = "held_restarter";
constexpr Seconds kLookEvery{1};
constexpr Seconds kTryAgain{60};  // an engine that refuses once will not be asked every moment

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

Task<Result<std::optional<Restarter>>> release_restarts(Services* services) {
  CO_TRY(kept, held_restarter(services->ledger));
  if (!kept) co_return std::optional<Restarter>();
  const auto set = co_await services->instance.set_restarter(*kept);
  // A container that is gone is restarted by nobody; the one that came after it was never held.
  const bool gone = !set && set.error().code == ErrorCode::NotFound;
  const bool never = !set && set.error().code == ErrorCode::NotSupported;
  if (!set && !gone && !never) co_return fail(set.error());
  CO_TRY_VOID(services->ledger.set_fact(kHeldFact, ""));
  if (!set) co_return std::optional<Restarter>();
  co_return std::move(kept);
}

namespace {

Task<void> make_due_checkpoint(Services* services) {
  const auto due = services->ledger.fact(kCheckpointDueFact);
  if (!due || due->empty() || services->instance.inspect_lock().servers != 1) co_return;
  const auto done = co_await run_statement(services, maintenance_database(*services), "checkpoint");
  if (done && services->ledger.set_fact(kCheckpointDueFact, "")) co_return;
  log_warning("a checkpoint is due and was not made",
              {{"why", done ? "the ledger was not written" : done.error().message()}});
}

}  // namespace

Task<void> release_when_served(Services* services, std::stop_token stop) {
  auto& loop = services->loop;
  while (!stop.stop_requested()) {
    auto next = kLookEvery;
    const auto kept = held_restarter(services->ledger);
    const bool serves = known_one_serves(*services);
    const auto& data_dir = services->instance.data_dir();
    if (serves) co_await make_due_checkpoint(services);
    if (serves && instance::has_stale_note(data_dir))
      static_cast<void>(instance::unfence_data(data_dir));
    if (kept && *kept && serves) {
      const auto released = co_await release_restarts(services);
      if (released) log_info("set back as it was", {{"what", instance::describe(**kept)}});
      else log_warning("not set back as it was", {{"why", released.error().message()}});
      if (!released) next = kTryAgain;
    }
    static_cast<void>(co_await loop.sleep_for(next, stop));
  }
}

}  // namespace pgkeel::recover
