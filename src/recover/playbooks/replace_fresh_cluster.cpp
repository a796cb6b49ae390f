// A container's entrypoint initialised a cluster where the known one was. It is kept from coming
// back (the engine's restart policy first, then the server ended, then its data fenced, so that
// whoever starts the container starts nothing in it), the known data is searched for in the
// engine's volumes and beside the place, the fresh cluster is renamed aside with every row it has
// taken, the known one is moved in, what was held set back as it was, and the server started.
// When the known data is nowhere it is restored from the archive first; where that cannot be the
// fresh cluster stays as it is, fenced: what is written to it would have to be merged by hand
// later.
#include <algorithm>

#include <fmt/format.h>

#include "recover/fresh_rows.hpp"
#include "recover/playbooks/fence_steps.hpp"
#include "recover/playbooks/restore_steps.hpp"
#include "recover/playbooks/server_steps.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kFencePatience{15};

std::string describe_stop(const StepContext& context) {
  return "stop the cluster that was initialised at " +
         context.services.instance.data_dir().string();
}

// On disk before it is stopped: nobody asks it again. One that is down cannot be asked.
Task<Result<void>> note_what_it_holds(StepContext* context) {
  const bool answers = context->services.instance.find_postmaster().has_value();
  auto& journal = context->services.journal;
  auto incident = journal.load(context->incident);
  if (!incident) co_return fail(incident.error());
  if (!answers && std::ranges::any_of(incident->loss, tells_of_fresh_rows))
    co_return Result<void>();
  std::optional<FreshRows> counted;
  if (answers) counted = co_await count_fresh_rows(&context->services);
  const auto words = words_of(counted);
  std::erase_if(incident->loss, tells_of_fresh_rows);
  if (!words.empty()) incident->loss.push_back(words);
  co_return journal.update(*incident);
}

// Looked at last thing: only a stranger is stopped.
Task<StepResult> stop(StepContext* context) {
  auto& services = context->services;
  const auto located = co_await services.instance.locate();  // the container may be another by now
  const bool scaled_down = !located && located.error().code == ErrorCode::NotFound;
  if (!located && !scaled_down) co_return StepResult::failed(located.error());
  const auto there = stranger_there(*context);
  if (!there) {
    auto left = co_await no_stranger_left(context, there.error());
    co_return left;
  }
  if (!*there) co_return StepResult::skipped("nothing stands there any more");
  if (scaled_down && services.instance.find_postmaster())
    co_return StepResult::failed(located.error());
  if (scaled_down) co_return StepResult::skipped("its container is gone");
  const auto noted = co_await note_what_it_holds(context);
  if (!noted) co_return StepResult::failed(noted.error());
  // Also without a server: an entry point that is still initialising goes on to start one.
  const auto stopped = co_await services.instance.stop(instance::StopMode::Fast,
                                                       services.loop.after(kFencePatience));
  if (!stopped) co_return StepResult::failed(stopped.error());
  co_return StepResult::done("stopped");
}

Task<StepResult> fence(StepContext* context) {
  const auto there = stranger_there(*context);
  if (!there) {
    auto left = co_await no_stranger_left(context, there.error());
    co_return left;
  }
  if (!*there) co_return StepResult::skipped("nothing stands there any more");
  const auto identity = context->services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  co_return fence_now(*context, fmt::format("the cluster {} was initialised over the known one, {}",
                                            to_string(**there), to_string((*identity)->system_id)));
}

const Step kSteps[] = {kHoldRestarts,
                       {"stop_fresh_cluster",
                        describe_stop,
                        stop,
                        Effect::Reversible,
                        "pgkeel unfence --yes accepts the fresh cluster; then start its container",
                        {&kIdentityIsKnown}},
                       {"fence_fresh_cluster",
                        describe_fence_now,
                        fence,
                        Effect::Reversible,
                        "pgkeel unfence --yes gives it back and accepts it",
                        {&kIdentityIsKnown, &kNoServerRuns}},
                       kSearchReplacedData,
                       kRestoreBesideFresh,
                       kSetAsideOccupant,
                       kPlaceKnownData,
                       kReleaseRestarts,
                       kStartServer};

}  // namespace

const Playbook kReplaceFreshCluster{
    "replace_fresh_cluster", "Fence a fresh cluster and bring the known one back.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
