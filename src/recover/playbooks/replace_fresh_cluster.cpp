// A container's entrypoint initialised a cluster where the known one was. It is fenced (stopped by
// the engine, so that its restart policy does not undo it), the known data is searched for in the
// engine's volumes and beside the place, the fresh cluster is renamed aside with every row it has
// taken, the known one is moved in, and the server started.
// When the known data is nowhere the fresh cluster stays stopped: what is written to it would have
// to be merged by hand later.
#include "recover/playbooks/lost_data.hpp"
#include "recover/playbooks/server_steps.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kFencePatience{15};

std::string describe_fence(const StepContext& context) {
  return "stop the cluster that was initialised at " +
         context.services.instance.data_dir().string();
}

// Looked at last thing: only a stranger is stopped.
Task<StepResult> fence(StepContext* context) {
  auto& services = context->services;
  const auto located = co_await services.instance.locate();  // the container may be another by now
  if (!located) co_return StepResult::failed(located.error());
  const auto identity = services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  const auto data_dir = services.instance.inspect_data_dir();
  if (data_dir.state == instance::DataDirState::Missing)
    co_return StepResult::skipped("nothing stands there any more");
  const auto& control = data_dir.control;
  if (!identity->has_value() || !control || control->system_id == (*identity)->system_id)
    co_return StepResult::for_human("a human: what stands there is no stranger any more");
  // Also without a server: an entry point that is still initialising goes on to start one.
  const auto stopped = co_await services.instance.stop(instance::StopMode::Fast,
                                                       services.loop.after(kFencePatience));
  if (!stopped) co_return StepResult::failed(stopped.error());
  co_return StepResult::done("fenced");
}

const Step kSteps[] = {{"fence_fresh_cluster",
                        describe_fence,
                        fence,
                        Effect::Reversible,
                        "pgkeel unfence --yes accepts the fresh cluster; then start its container",
                        {&kIdentityIsKnown}},
                       kSearchReplacedData,
                       kSetAsideOccupant,
                       kReattachReplaced,
                       kStartServer};

}  // namespace

const Playbook kReplaceFreshCluster{
    "replace_fresh_cluster", "Fence a fresh cluster and bring the known one back.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
