// The control file is gone or damaged and everything else is in its place. The last copy the guard
// took of it (control_copy.hpp) is put there, and the server replays from the checkpoint it names:
// no committed row is lost, and no backup is needed. Only when all WAL from there on is in pg_wal,
// written by this very cluster, what is missing in between fetched from the archive; otherwise a
// human is told what brings it back.
// The damaged file is renamed aside. Killed in between, the file is missing, which is the same
// cause again.
#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "instance/fence.hpp"
#include "recover/aside.hpp"
#include "recover/control_copy.hpp"
#include "recover/playbooks/fetch_wal.hpp"
#include "recover/playbooks/server_steps.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr std::string_view kElse =
    "'pgkeel restore --in-place --yes' brings the newest backup and all WAL, and keeps what is "
    "there";

fs::path control_file(const StepContext& context) {
  return context.services.instance.data_dir() / "global" / "pg_control";
}

// A fence is no loss: what is missing was put beside on purpose.
std::string readable_after_all(const StepContext& context) {
  const auto fence = instance::read_fence(context.services.instance.data_dir());
  if (fence) return "it is " + instance::describe(*fence);
  const auto control = instance::read_control_file(context.services.instance.data_dir());
  if (control) return fmt::format("it is whole: {}", pg::to_string(control->state));
  const auto code = control.error().code;
  const bool lost = code == ErrorCode::NotFound || code == ErrorCode::ControlFileCorrupt;
  return lost ? "" : control.error().message();
}

// What stands there is a backup, a restore or a standby, and begins elsewhere than a crash does.
Result<void> refuse_copies(const fs::path& data_dir) {
  std::error_code error;
  for (const auto* name : {"backup_label", "recovery.signal", "standby.signal"})
    if (fs::exists(fs::symlink_status(data_dir / name, error)))
      return fail(ErrorCode::WrongState, fmt::format("{} is there", (data_dir / name).string()));
  return {};
}

// The copy, judged against what is in the data directory now.
Result<ControlCopy> judged_copy(const fs::path& state_dir, const fs::path& data_dir,
                                const incident::Identity& identity) {
  TRY(copy, read_control_copy(state_dir, identity));
  TRY(major, instance::read_major(data_dir));
  if (major != copy.control.major)
    return fail(ErrorCode::WrongState, fmt::format("the data is of PostgreSQL {}, the copy of {}",
                                                   major, copy.control.major));
  TRY_VOID(refuse_copies(data_dir));
  TRY_VOID(replayable_to(data_dir, copy.control, identity.last_lsn));
  return copy;
}

Task<Result<ControlCopy>> usable_copy(StepContext* context) {
  auto& services = context->services;
  const auto identity = services.ledger.identity();
  if (!identity) co_return fail(identity.error());
  if (!*identity) co_return fail(ErrorCode::NotFound, "no identity is known");
  const auto data_dir = services.instance.data_dir();
  auto copy = co_await services.loop.run_blocking(
      [&] { return judged_copy(services.state_dir, data_dir, **identity); });
  co_return copy;
}

StepResult not_usable(const Error& error) {
  return StepResult::for_human(fmt::format(
      "a human: the kept copy of the control file cannot be used: {}; {}", error.message(), kElse));
}

std::string describe_judge(const StepContext& context) {
  return "compare the kept copy of the control file with the WAL in " +
         (context.services.instance.data_dir() / "pg_wal").string();
}

Task<StepResult> judge(StepContext* context) {
  const auto copy = co_await usable_copy(context);
  if (!copy) co_return not_usable(copy.error());
  co_return StepResult::done(fmt::format("replay can begin at {}", to_string(copy->control.redo)));
}

std::string describe_set_aside(const StepContext& context) {
  return fmt::format("rename what is left of {} aside", control_file(context).string());
}

// Not below global/: before 17 a base backup of a cluster with checksums ends at a name like this
// one there ("invalid segment number 0").
fs::path aside_of(const StepContext& context) {
  return aside_path(context.services.instance.data_dir() / "pg_control", wall_now());
}

Task<StepResult> set_aside(StepContext* context) {
  const auto file = control_file(*context);
  std::error_code error;
  if (!fs::exists(fs::symlink_status(file, error))) co_return StepResult::skipped("it is missing");
  const auto aside = aside_of(*context);
  const auto renamed = runtime::rename_durable(file, aside);
  if (!renamed) co_return StepResult::failed(renamed.error());
  co_return StepResult::done("kept as " + aside.string());
}

std::string describe_write(const StepContext& context) {
  return "write the kept copy to " + control_file(context).string();
}

Task<StepResult> write(StepContext* context) {
  const auto copy = co_await usable_copy(context);
  if (!copy) co_return not_usable(copy.error());
  // Judging reads every page of the WAL, which takes minutes: somebody may have been quicker.
  for (const auto* still : {&kControlFileIsLost, &kNoServerRuns})
    if (auto why = still->objection(*context); !why.empty())
      co_return StepResult::for_human(fmt::format("a human: {}; nothing was written", why));
  const auto written = place_control_copy(context->services.instance, *copy);
  if (!written) co_return StepResult::failed(written.error());
  co_return StepResult::done(
      fmt::format("as of the checkpoint at {}", to_string(copy->control.checkpoint)));
}

const Step kSteps[] = {
    kFetchMissingWal,
    {"judge_control_copy", describe_judge, judge, Effect::None, "", {&kIdentityIsKnown}},
    {"set_aside_control_file",
     describe_set_aside,
     set_aside,
     Effect::Reversible,
     "rename the file that is kept at the top of the data directory back",
     {&kControlFileIsLost, &kNoServerRuns}},
    {"write_control_file",
     describe_write,
     write,
     Effect::Reversible,
     "stop the server; rename the file that is kept at the top of the data directory over it",
     {&kControlFileIsLost, &kNoServerRuns}},
    kAwaitChildrenGone,
    kStartServer};

}  // namespace

constinit const Precondition kControlFileIsLost{"the control file is missing or damaged",
                                                readable_after_all};

const Playbook kRestoreControlFile{
    "restore_control_file",
    "Put the kept copy of the control file back and replay the WAL from there.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
