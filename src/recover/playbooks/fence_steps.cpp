// See fence_steps.hpp.
#include "recover/playbooks/fence_steps.hpp"

#include <fmt/format.h>

#include "instance/fence.hpp"
#include "recover/held_restarts.hpp"
#include "recover/playbooks/lost_data.hpp"

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
  const auto kept = held_restarter(context->services.ledger);
  if (!kept) co_return StepResult::failed(kept.error());
  if (!*kept) co_return StepResult::skipped("nothing was held");
  const auto released = co_await release_restarts(&context->services);
  if (!released) co_return StepResult::skipped("not set back yet: " + released.error().message());
  auto words = release_words(**kept, *released);
  if (!*released) co_return StepResult::skipped(std::move(words));
  co_return StepResult::done(std::move(words));
}

// What it stops must be what must not come back. A directory that is gone objects to nothing: it
// was set aside by the guard before this one.
std::string no_stranger(const StepContext& context) {
  const auto there = stranger_there(context);
  return there ? std::string() : there.error().detail;
}

constexpr Precondition kStrangerStands{"another cluster than the known one stands there",
                                       no_stranger};

}  // namespace

Result<std::optional<SystemId>> stranger_there(const StepContext& context) {
  const auto& services = context.services;
  TRY(identity, services.ledger.identity());
  const auto facts = services.instance.inspect_data_dir();
  if (facts.state == instance::DataDirState::Missing ||
      facts.state == instance::DataDirState::Empty)
    return std::optional<SystemId>();
  const auto there = occupant_of(facts);
  if (!identity || !there || *there == identity->system_id)
    return fail(ErrorCode::Refused, "what stands there is no stranger any more");
  return there;
}

Task<StepResult> no_stranger_left(StepContext* context, Error why) {
  auto words = "a human: " + why.detail;
  const auto kept = held_restarter(context->services.ledger);
  if (why.code != ErrorCode::Refused || !kept || !*kept)
    co_return StepResult::for_human(std::move(words));
  const auto released = co_await release_restarts(&context->services);
  words += released ? "; " + release_words(**kept, *released)
                    : "; what was held is not set back yet: " + released.error().message();
  co_return StepResult::for_human(std::move(words));
}

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
    {&kIdentityIsKnown, &kStrangerStands}};
constinit const Step kReleaseRestarts{"release_restarts",
                                      describe_release,
                                      release,
                                      Effect::Reversible,
                                      "docker update --restart no, docker service scale, systemctl "
                                      "mask --runtime",
                                      {&kIdentityIsKnown, &kNoStrangerThere}};

}  // namespace pgkeel::recover
