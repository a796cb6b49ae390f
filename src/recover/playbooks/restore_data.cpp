// The data directory is gone and an archive is there. It is searched for first, as always; only
// when it is nowhere is it restored: into a directory beside its place by a pgkeel of its own,
// every file compared with the backup's manifest and all WAL there is replayed, then renamed into
// place and started. What stood in the place was renamed aside and is kept. In a mount point, which
// cannot be renamed, both happen to its entries.
#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "instance/swap.hpp"
#include "recover/playbooks/lost_data.hpp"
#include "recover/playbooks/server_steps.hpp"
#include "runtime/process.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kRestorePatience{24 * 3600};  // a large database from a slow store
constexpr const char* kHeldBack =
    "global/pg_control.pgkeel-restore";  // archive/restore/extract.cpp
constexpr std::size_t kWordsMax = 500;

constexpr std::string_view kRestoring = "restore-";
constexpr std::string_view kByHand = "in-place/job.json";  // archive/restore/in_place_job.cpp

fs::path restore_path(const fs::path& data_dir, instance::SwapManner manner, WallTime now) {
  const auto seconds = std::chrono::floor<Seconds>(now.time_since_epoch()).count();
  return instance::near_place(data_dir, manner, fmt::format("{}{}", kRestoring, seconds));
}

// What a restore that was interrupted left: its control file never got its name, so nothing was
// ever started there.
void remove_half_restored(const fs::path& data_dir, instance::SwapManner manner) {
  const auto beginning = instance::near_place(data_dir, manner, kRestoring);
  const auto prefix = beginning.filename().string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(beginning.parent_path(), error)) {
    const bool ours = entry.path().filename().string().starts_with(prefix);
    const bool half = fs::exists(entry.path() / kHeldBack, error) &&
                      !fs::exists(entry.path() / "global/pg_control", error);
    if (ours && half) fs::remove_all(entry.path(), error);
  }
}

// The command's own error, out of its JSON; else the end of what it wrote.
std::string failure_of(const runtime::ProcessOutput& ran) {
  constexpr std::string_view kMessage = "\"message\":\"";
  const auto at = ran.out.find(kMessage);
  if (at != std::string::npos) {
    const auto from = at + kMessage.size();
    return ran.out.substr(from, std::min(ran.out.find("\",\"", from) - from, kWordsMax));
  }
  return ran.err.empty() ? ran.exit.describe() : ran.err.substr(0, kWordsMax);
}

std::string describe_bring_back(const StepContext& context) {
  const auto from = context.notes.find("from");
  const auto data_dir = context.services.instance.data_dir().string();
  if (from != context.notes.end()) return fmt::format("rename {} to {}", from->second, data_dir);
  return fmt::format("restore the newest backup and all WAL beside {}, then rename it there",
                     data_dir);
}

// The archive may be another cluster's: what is put into the place is the known one or nothing.
std::string objection_to_placing(const StepContext& context, const fs::path& restored) {
  const auto identity = context.services.ledger.identity();
  if (!identity || !identity->has_value()) return "no identity is known";
  const auto facts = instance::inspect_data_dir(restored);
  if (!facts.control)
    return fmt::format("what was restored into {} is incomplete", restored.string());
  if (facts.control->system_id == (*identity)->system_id) return {};
  return fmt::format("the archive holds another cluster ({}); it was left in {}",
                     to_string(facts.control->system_id), restored.string());
}

Task<StepResult> restore(StepContext* context) {
  auto& services = context->services;
  const auto data_dir = services.instance.data_dir();
  const auto manner = instance::swap_manner(data_dir);
  if (!manner) co_return StepResult::failed(manner.error());
  std::error_code error;
  if (fs::exists(instance::near_place(data_dir, *manner, kByHand), error))
    co_return StepResult::for_human(
        "a human: 'pgkeel restore --in-place' was interrupted; give it again, with --yes");
  remove_half_restored(data_dir, *manner);
  const auto into = restore_path(data_dir, *manner, wall_now());
  runtime::ProcessSpec spec;
  spec.argv = services.pgkeel;
  const std::vector<std::string> words{"restore", "--into", into.string(), "--json"};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  const auto ran = co_await runtime::run_process(services.loop, std::move(spec),
                                                 services.loop.after(kRestorePatience));
  if (!ran) co_return StepResult::failed(ran.error());
  if (!ran->exit.ok())
    co_return StepResult::failed(
        Error(ErrorCode::ChildFailed, "the archive could not be restored: " + failure_of(*ran)));
  if (const auto why = objection_to_placing(*context, into); !why.empty())
    co_return StepResult::for_human("a human: " + why);
  const auto placed = instance::bring_in({data_dir, into, {}, *manner});
  if (!placed) co_return StepResult::for_human("a human: " + placed.error().message());
  co_return StepResult::done(fmt::format("restored from the archive: {}",
                                         ran->out.substr(0, std::min(ran->out.size(), kWordsMax))));
}

Task<StepResult> bring_back(StepContext* context) {
  const auto state = context->services.instance.inspect_data_dir().state;
  if (state == instance::DataDirState::Present)
    co_return StepResult::skipped("a data directory is in its place");
  if (context->notes.contains("from")) {
    auto done = co_await kReattachDirectory.run(context);
    co_return done;
  }
  auto done = co_await restore(context);
  co_return done;
}

const Step kSteps[] = {kSearchLostDataFirst,
                       kSetAsideOccupant,
                       {"bring_data_back", describe_bring_back, bring_back},
                       kStartServer};

}  // namespace

const Playbook kRestoreData{
    "restore_data", "Find the lost data directory, or restore it from the archive.", kSteps};

}  // namespace pgkeel::recover
