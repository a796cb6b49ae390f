// See fence_steps.hpp.
#include "recover/playbooks/fence_steps.hpp"

#include <fmt/format.h>

#include "instance/fence.hpp"
#include "recover/held_restarts.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

std::string describe_hold(const StepContext& context) {
  return fmt::format("keep {} from being started by anything but people and the guard",
                     context.services.instance.describe());
}

Task<StepResult> hold(StepContext* context) {
  const auto before = co_await hold_restarts(&context->services);
  if (before) {
    if (before->kind == instance::Restarter::Kind::None)
      co_return StepResult::skipped("nothing starts it by itself");
    co_return StepResult::done("it was: " + instance::describe(*before));
  }
  const auto& error = before.error();
  if (error.code == ErrorCode::NotSupported)
    co_return StepResult::skipped(error.message() + "; the fence in the data holds alone");
  if (error.code == ErrorCode::Refused)
    co_return StepResult::for_human("a human: " + error.message() +
                                    "; nothing was stopped or changed in the data");
  co_return StepResult::failed(error);
}

std::string describe_release(const StepContext& context) {
  const auto kept = held_restarter(context.services.ledger);
  if (!kept || !*kept) return "set back what starts the server, as it was";
  return "set back as it was: " + instance::describe(**kept);
}

// Not worth keeping the server down: the guard tries again while it serves.
Task<StepResult> release(StepContext* context) {
  const auto released = co_await release_restarts(&context->services);
  if (!released) co_return StepResult::skipped("not set back yet: " + released.error().message());
  if (!*released) co_return StepResult::skipped("nothing was held");
  co_return StepResult::done(instance::describe(**released));
}

}  // namespace

StepResult fence_now(const StepContext& context, std::string why) {
  const instance::FenceNote note{wall_now(), "incident " + context.incident, std::move(why)};
  const auto& data_dir = context.services.instance.data_dir();
  const auto fenced = instance::fence_data(data_dir, note);
  if (fenced) return StepResult::done("no server starts in " + data_dir.string() + " any more");
  if (fenced.error().code == ErrorCode::Refused)
    return StepResult::for_human("a human: " + fenced.error().message());
  return StepResult::failed(fenced.error());
}

std::string describe_fence_now(const StepContext& context) {
  const auto global = context.services.instance.data_dir() / "global";
  return fmt::format("rename {} to pg_control.fenced and say why beside it",
                     (global / "pg_control").string());
}

constinit const Step kHoldRestarts{
    "hold_restarts",
    describe_hold,
    hold,
    Effect::Reversible,
    "pgkeel unfence --yes sets it back; by hand: docker update --restart, docker service scale, "
    "systemctl unmask --runtime",
    {&kIdentityIsKnown}};
constinit const Step kReleaseRestarts{"release_restarts",
                                      describe_release,
                                      release,
                                      Effect::Reversible,
                                      "docker update --restart no, docker service scale, systemctl "
                                      "mask --runtime",
                                      {&kIdentityIsKnown, &kNoStrangerThere}};

}  // namespace pgkeel::recover
