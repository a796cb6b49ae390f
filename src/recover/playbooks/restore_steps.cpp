// See restore_steps.hpp. What stood in the place was renamed aside and is kept. In a mount point,
// which cannot be renamed, both happen to its entries. Placing is a step of its own, because a day
// may have passed: what may fill the place is asked again.
#include "recover/playbooks/restore_steps.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "instance/data_dir.hpp"
#include "instance/swap.hpp"
#include "recover/aside.hpp"
#include "recover/fresh_rows.hpp"
#include "recover/lost_tail.hpp"
#include "recover/mended.hpp"
#include "recover/playbooks/lost_data.hpp"
#include "recover/playbooks/restored_copy.hpp"
#include "runtime/process.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kRestorePatience{24 * 3600};  // a large database from a slow store
constexpr Seconds kAskedAgain{3600};            // another cluster's archive stays another's
constexpr std::size_t kWordsMax = 500;

constexpr std::string_view kByHand = "in-place/job.json";  // archive/restore/in_place_job.cpp
constexpr const char* kRestored = "restored";              // the note that says where it is
constexpr const char* kTail = "tail";                      // what it could not bring back

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
  return fmt::format("restore the newest backup and all WAL beside {}", data_dir);
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

Task<Result<runtime::ProcessOutput>> run_restore(Services* services, fs::path into) {
  runtime::ProcessSpec spec;
  spec.argv = services->pgkeel;
  const std::vector<std::string> words{"restore", "--into", into.string(), "--from-shadow",
                                       "--json"};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  auto ran = co_await runtime::run_process(services->loop, std::move(spec),
                                           services->loop.after(kRestorePatience));
  if (!ran) co_return fail(ran.error());
  if (!ran->exit.ok())
    co_return fail(ErrorCode::ChildFailed,
                   "the archive could not be restored: " + failure_of(*ran));
  co_return std::move(*ran);
}

std::string words_of_tail(const StepContext& context, std::string_view said) {
  const auto reached = reached_by(said);
  if (!reached) return "what had not reached the archive";
  auto tail = tail_of(context.services.senses.observation(), *reached);
  // What was seen last may be the cluster that was initialised.
  if (context.finding.cause == diagnose::Cause::FreshCluster) tail.newest.reset();
  return words_of(tail);
}

// On disk before the copy is placed, whoever ends after that. A whole copy is not thrown away for a
// word that could not be written.
void note_tail(const StepContext& context, const std::string& words) {
  auto& journal = context.services.journal;
  auto incident = journal.load(context.incident);
  if (incident) {
    std::erase_if(incident->loss, [](const auto& loss) { return !tells_of_fresh_rows(loss); });
    if (!words.empty()) incident->loss.push_back(words);
    incident->rows_lost.reset();
  }
  const auto noted = incident ? journal.update(*incident) : fail(incident.error());
  if (!noted) log_error("what was lost is not written", {{"why", noted.error().message()}});
}

Task<Result<void>> discard(Services* services, instance::SwapManner manner) {
  const auto place = services->instance.data_dir();
  auto done = co_await services->loop.run_blocking(
      [&place, manner] { return discard_copy(place, manner); });
  co_return done;
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
  const auto cleared = co_await discard(&services, *manner);
  if (!cleared) co_return StepResult::failed(cleared.error());
  const auto into = copy_path(data_dir, *manner, wall_now());
  const auto marked = mark_copy(data_dir, *manner, into);
  if (!marked) co_return StepResult::failed(marked.error());
  const auto ran = co_await run_restore(&services, into);
  if (!ran) {
    const auto discarded = co_await discard(&services, *manner);
    if (!discarded) log_warning("left behind", {{"why", discarded.error().message()}});
    co_return StepResult::failed(ran.error());
  }
  if (const auto why = objection_to_placing(*context, into); !why.empty()) {
    auto result = StepResult::for_human("a human: " + why);
    result.retry_after = kAskedAgain;
    co_return result;
  }
  context->notes[kTail] = words_of_tail(*context, ran->out);
  context->notes[kRestored] = into.string();
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

// Beside the cluster that was initialised, which stays where it is until there is something to put
// into its place.
Task<StepResult> restore_beside(StepContext* context) {
  if (context->notes.contains("from")) co_return StepResult::skipped("the known data was found");
  auto done = co_await restore(context);
  co_return done;
}

std::string describe_place(const StepContext& context) {
  const auto restored = context.notes.find(kRestored);
  return fmt::format("rename {} to {}",
                     restored == context.notes.end() ? "what is restored" : restored->second,
                     context.services.instance.data_dir().string());
}

// Why the place may not be filled, as the world is now.
std::string objection_now(const StepContext& context, const instance::Swap& swap) {
  auto& instance = context.services.instance;
  const auto place = swap.place.string();
  if (const auto why = objection_to_filling(instance.inspect_data_dir()); !why.empty())
    return place + " " + why;
  if (instance.find_postmaster() || !instance.inspect_lock().orphans.empty())
    return "a server runs in " + place;
  const bool within = swap.incoming.parent_path() == swap.place;
  if (within != (swap.manner == instance::SwapManner::Entries))
    return place + " became a mount point, or ceased to be one";
  return {};
}

// By entries it is not ours to remove from the first rename on: part of it is in the place then.
Result<void> move_in(const instance::Swap& swap) {
  if (swap.manner == instance::SwapManner::Whole) {
    TRY_VOID(instance::set_aside(swap));  // an empty directory
    TRY_VOID(instance::bring_in(swap));
    return release_copy(swap.place, swap.manner);
  }
  TRY_VOID(release_copy(swap.place, swap.manner));
  return instance::bring_in(swap);
}

StepResult place_copy(const StepContext& context, const fs::path& copy) {
  const auto data_dir = context.services.instance.data_dir();
  if (const auto why = objection_to_placing(context, copy); !why.empty())
    return StepResult::for_human("a human: " + why);
  const auto manner = instance::swap_manner(data_dir);
  if (!manner) return StepResult::failed(manner.error());
  const auto aside = *manner == instance::SwapManner::Entries
                         ? aside_path_within(data_dir, wall_now())
                         : aside_path(data_dir, wall_now());
  const instance::Swap swap{data_dir, copy, aside, *manner};
  if (const auto why = objection_now(context, swap); !why.empty()) {
    // From here on it is the human's, who is told where it is.
    const auto released = release_copy(data_dir, *manner);
    if (!released) return StepResult::failed(released.error());
    return StepResult::for_human(fmt::format(
        "a human: {}; what was restored is whole in {} and is kept", why, copy.string()));
  }
  const auto tail = context.notes.find(kTail);
  note_tail(context, tail == context.notes.end() ? "" : tail->second);
  const auto placed = move_in(swap);
  if (placed) keep_files_back(context.services.ledger);
  if (placed) return StepResult::done("restored to " + data_dir.string());
  return StepResult::for_human(fmt::format("a human: {}; what was restored is in {}",
                                           placed.error().message(), copy.string()));
}

Task<StepResult> place(StepContext* context) {
  const auto restored = context->notes.find(kRestored);
  if (restored == context->notes.end()) co_return StepResult::skipped("nothing was restored");
  co_return place_copy(*context, restored->second);
}

Task<StepResult> place_replaced(StepContext* context) {
  if (!context->notes.contains("from")) {
    auto done = co_await place(context);
    co_return done;
  }
  auto done = co_await kReattachReplaced.run(context);
  co_return done;
}

std::string describe_place_replaced(const StepContext& context) {
  return context.notes.contains("from") ? kReattachReplaced.describe(context)
                                        : describe_place(context);
}

constexpr std::string_view kRemoveCopy =
    "remove the copy beside the place; the archive keeps its own";
constexpr std::string_view kTakeOut =
    "stop the server; rename the directory out of the place again";

}  // namespace

constinit const Step kBringDataBack{"bring_data_back", describe_bring_back,
                                    bring_back,        Effect::Reversible,
                                    kRemoveCopy,       {&kIdentityIsKnown, &kNoServerRuns}};
constinit const Step kRestoreBesideFresh{
    "restore_beside_fresh", describe_bring_back, restore_beside,
    Effect::Reversible,     kRemoveCopy,         {&kIdentityIsKnown, &kNoServerRuns}};
constinit const Step kPlaceRestoredData{
    "place_restored_data", describe_place, place,
    Effect::Reversible,    kTakeOut,       {&kIdentityIsKnown, &kNoServerRuns}};
constinit const Step kPlaceKnownData{"place_known_data", describe_place_replaced,
                                     place_replaced,     Effect::Reversible,
                                     kTakeOut,           {&kIdentityIsKnown, &kNoServerRuns}};

}  // namespace pgkeel::recover
