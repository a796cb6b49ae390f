// The data directory, or what is in it, belongs to another account than the server's, or lets
// others in: the server refuses to start. Given back to the account that owned it while the server
// ran, when one other account has it throughout (a copy as root, a chown of the wrong directory);
// what is of two others is a human's. Nothing that the files hold is touched.
// Killed in between, the rest is still the other account's, which the next guard finds.
#include <sys/stat.h>

#include <fmt/format.h>

#include "recover/data_owner.hpp"
#include "recover/playbooks/server_steps.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr mode_t kMode = 0700;
constexpr unsigned kForbiddenBits = 0027;  // checkDataDir, miscinit.c: group may read, others not

Result<instance::Owner> known_owner(const StepContext& context) {
  return known_data_owner(context.services.ledger);
}

std::string no_owner_known(const StepContext& context) {
  const auto owner = known_owner(context);
  return owner ? "" : owner.error().message();
}

constexpr Precondition kOwnerIsKnown{"it is known whose the data directory was", no_owner_known};

Task<Result<instance::OwnerSurvey>> survey(StepContext* context, instance::Owner owner) {
  const auto data_dir = context->services.instance.data_dir();
  auto found = co_await context->services.loop.run_blocking(
      [&data_dir, owner] { return instance::survey_owners(data_dir, owner.uid); });
  co_return found;
}

// What the finding asks of a human, and why it was not done for them.
StepResult for_human(const StepContext& context, const Error& error) {
  return StepResult::for_human(
      fmt::format("a human: {} ({})", context.finding.hint, error.message()));
}

std::string describe_survey(const StepContext& context) {
  return "look whose everything in " + context.services.instance.data_dir().string() + " is";
}

Task<StepResult> look(StepContext* context) {
  const auto owner = known_owner(*context);
  if (!owner) co_return StepResult::failed(owner.error());
  const auto found = co_await survey(context, *owner);
  if (!found) co_return for_human(*context, found.error());
  if (found->foreign == 0) co_return StepResult::skipped("all of it is the server's account's");
  co_return StepResult::done(fmt::format("{} of {} entries are of user {}", found->foreign,
                                         found->entries, *found->foreign_uid));
}

std::string describe_give(const StepContext& context) {
  const auto owner = known_owner(context);
  return fmt::format("give what is of another account in {} back to {}",
                     context.services.instance.data_dir().string(),
                     owner ? fmt::format("{}:{}", owner->uid, owner->gid) : "its owner");
}

Task<StepResult> give_back(StepContext* context) {
  const auto owner = known_owner(*context);
  if (!owner) co_return StepResult::failed(owner.error());
  const auto found = co_await survey(context, *owner);
  if (!found) co_return for_human(*context, found.error());
  if (found->foreign == 0) co_return StepResult::skipped("nothing is another account's");
  const auto data_dir = context->services.instance.data_dir();
  const auto given = co_await context->services.loop.run_blocking(
      [&] { return instance::give_owner(data_dir, *found->foreign_uid, *owner); });
  if (!given) co_return for_human(*context, given.error());
  co_return StepResult::done(
      fmt::format("{} entries, of user {} before", *given, *found->foreign_uid));
}

std::string describe_mode(const StepContext& context) {
  return fmt::format("set the mode of {} to {:04o}", context.services.instance.data_dir().string(),
                     kMode);
}

Task<StepResult> set_mode(StepContext* context) {
  const auto data_dir = context->services.instance.data_dir();
  const auto mode = context->services.instance.inspect_data_dir().mode;
  if ((mode & kForbiddenBits) == 0 && (mode & kMode) == kMode)
    co_return StepResult::skipped(fmt::format("it is {:04o}", mode));
  if (::chmod(data_dir.c_str(), kMode) != 0)
    co_return for_human(*context, Error::from_errno(errno, "change the mode"));
  co_return StepResult::done(fmt::format("it was {:04o}", mode));
}

const Step kSteps[] = {{"survey_owners", describe_survey, look, Effect::None, "", {&kOwnerIsKnown}},
                       {"give_owner_back",
                        describe_give,
                        give_back,
                        Effect::Reversible,
                        "chown -R to the user the step's result names",
                        {&kOwnerIsKnown, &kNoServerRuns, &kNoStrangerThere}},
                       {"give_mode_back",
                        describe_mode,
                        set_mode,
                        Effect::Reversible,
                        "chmod to the mode the step's result names",
                        {&kNoServerRuns, &kNoStrangerThere}},
                       kAwaitChildrenGone,
                       kStartServer};

}  // namespace

const Playbook kMendPermissions{
    "mend_permissions", "Give the data directory back to the server's account.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
