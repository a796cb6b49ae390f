// The steps that find a data directory by its system identifier and move it back. Guards, each
// checked right before the rename it protects: exactly one candidate; not in use; same timeline and
// no older than the last checkpoint the guard saw; a plain rename on one file system, so that it
// either happens whole or not at all. Whatever stands in its place is renamed aside and kept. A
// mount point cannot be renamed to: nothing is moved then, and a human told what is where.
// If the guard is killed between the renames the directory is missing, which the next guard finds.
#include "recover/playbooks/lost_data.hpp"

#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "instance/search.hpp"
#include "instance/swap.hpp"
#include "recover/aside.hpp"
#include "recover/mended.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr std::string_view kMoveBack = "stop the server; rename the directory back to where it was";
constexpr std::string_view kVolumeDirectory = "_data";  // of Docker's and Podman's local driver
constexpr Seconds kSearchPatience{30};  // a disk full of directories; usually milliseconds
constexpr Seconds kEnginePatience{15};  // until a container has stopped

std::string describe_search(const StepContext& context) {
  return "search for the data directory that belongs at " +
         context.services.instance.data_dir().string();
}

// What was shut down in order may have been moved on purpose; only where the cause says otherwise
// is it taken.
enum class Left { ByCrash, AsItMay };

bool is_older(const instance::LostDataCandidate& candidate, const incident::Identity& identity) {
  return candidate.control.timeline < identity.timeline ||
         candidate.control.checkpoint < identity.last_lsn;
}

// Why a candidate may not be used; empty when it may.
std::string objection(const instance::LostDataCandidate& candidate,
                      const incident::Identity& identity, Left left) {
  if (candidate.in_use) return "is in use by a running server";
  if (!candidate.same_filesystem) return "is on another file system";
  if (is_older(candidate, identity))
    return "is older than what the guard last saw: a copy, not the lost data";
  if (left == Left::ByCrash && pg::is_clean(candidate.control.state))
    return "was shut down cleanly before it was moved";
  return {};
}

// Nothing can be renamed to a mount point, so nothing in it is touched: which directory holds what.
StepResult leave_to_human(const fs::path& place, const fs::path& found) {
  const auto facts = instance::inspect_data_dir(place);
  const auto in_the_way = facts.control
                              ? fmt::format(
                                    "what stands there is the cluster {}: move it into a directory "
                                    "of its own, and then",
                                    to_string(facts.control->system_id))
                              : std::string("to bring it back");
  return StepResult::for_human(
      fmt::format("a human: the known data is whole in {}, and {} is a mount point, to which no "
                  "directory can be renamed; {} move what is in {} there, \"global\" last",
                  found.string(), place.string(), in_the_way, found.string()));
}

StepResult choose(StepContext& context, const std::vector<instance::LostDataCandidate>& candidates,
                  const incident::Identity& identity, Left left) {
  std::vector<fs::path> usable;
  std::string refused;
  for (const auto& candidate : candidates) {
    const auto why = objection(candidate, identity, left);
    if (why.empty()) usable.push_back(candidate.path);
    else refused += fmt::format("; {} {}", candidate.path.string(), why);
  }
  if (usable.size() == 1) {
    const auto place = context.services.instance.data_dir();
    const auto manner = instance::swap_manner(place);
    if (!manner) return StepResult::failed(manner.error());
    if (*manner == instance::SwapManner::Entries) return leave_to_human(place, usable.front());
    context.notes["from"] = usable.front().string();
    return StepResult::done("found at " + usable.front().string());
  }
  if (usable.size() > 1)
    return StepResult::for_human(
        fmt::format("a human: {} directories bear the system identifier; say which by moving it",
                    usable.size()));
  return StepResult::for_human("a human: the data directory was not found" + refused);
}

// Copies of our own making are no lost data: what is being restored, and the drills' scratch.
bool is_our_copy(const fs::path& candidate, const fs::path& data_dir) {
  const auto name = candidate.string();
  return name.starts_with(data_dir.string() + ".pgkeel-") ||
         name.starts_with((data_dir / "pgkeel-").string());
}

// Where an archive can take over: only data that may be the lost one itself, and cannot be taken,
// stands in the way; and only a search that came to its end says that there is none.
StepResult choose_or_archive(StepContext& context, instance::LostDataReport report,
                             const incident::Identity& identity, Left left) {
  const auto data_dir = context.services.instance.data_dir();
  auto& candidates = report.candidates;
  std::erase_if(candidates, [&](const instance::LostDataCandidate& candidate) {
    return is_our_copy(candidate.path, data_dir) || is_older(candidate, identity);
  });
  if (candidates.empty() && report.exhausted)
    return StepResult::failed(
        Error(ErrorCode::TimedOut, "the search for the lost data did not come to its end"));
  if (candidates.empty()) return StepResult::done("not found: the archive takes over");
  return choose(context, candidates, identity, left);
}

StepResult choose_among(StepContext& context, instance::LostDataReport report,
                        const incident::Identity& identity, Left left) {
  context.notes.erase("from");
  if (context.services.pgkeel.empty()) return choose(context, report.candidates, identity, left);
  return choose_or_archive(context, std::move(report), identity, left);
}

// Looks for it and chooses; also asked again right before the rename, so that what was true then is
// true now.
Task<StepResult> search(StepContext* context, Left left) {
  auto& services = context->services;
  const auto identity = services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  if (!identity->has_value()) co_return StepResult::for_human("a human: no identity is known");
  auto places = co_await services.instance.other_places();
  if (!places) co_return StepResult::failed(places.error());
  const instance::LostDataQuery query{(*identity)->system_id, services.instance.data_dir(),
                                      *std::move(places)};
  const auto deadline = services.loop.after(kSearchPatience);
  auto report = co_await services.loop.run_blocking(
      [&query, deadline] { return instance::find_lost_data(query, deadline); });
  co_return choose_among(*context, std::move(report), **identity, left);
}

std::string describe_set_aside(const StepContext& context) {
  const auto& data_dir = context.services.instance.data_dir();
  return fmt::format("move {} aside, keeping it", data_dir.string());
}

bool holds_nothing(const instance::DataDirFacts& facts) {
  return facts.state == instance::DataDirState::Missing ||
         facts.state == instance::DataDirState::Empty;
}

// An engine starts its container again and again, and a container keeps the directory it was
// started with, wherever that is moved: its entry point would serve a cluster of its own there.
// What was stopped by a caller is started by nobody else, and finds what is in the place then.
Task<Result<void>> keep_engine_away(StepContext* context) {
  auto& instance = context->services.instance;
  if (instance.kind() != instance::Kind::Container) co_return Result<void>();
  const auto located = co_await instance.locate();
  if (!located && located.error().code == ErrorCode::NotFound) co_return Result<void>();
  if (!located) co_return fail(located.error());
  co_return co_await instance.stop(instance::StopMode::Immediate,
                                   context->services.loop.after(kEnginePatience));
}

Task<StepResult> set_aside(StepContext* context) {
  auto& instance = context->services.instance;
  const auto data_dir = instance.data_dir();
  const bool held_nothing = holds_nothing(instance.inspect_data_dir());
  if (held_nothing) {
    const auto away = co_await keep_engine_away(context);
    if (!away) co_return StepResult::failed(away.error());
  }
  const auto facts = instance.inspect_data_dir();
  if (facts.state == instance::DataDirState::Missing)
    co_return StepResult::skipped("nothing is in its place");
  const auto identity = context->services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  if (!identity->has_value()) co_return StepResult::for_human("a human: no identity is known");
  // What came there since it was seen empty may be half an initdb.
  const auto why =
      held_nothing && !occupant_of(facts) ? std::string() : objection_to_moving(facts, **identity);
  if (!why.empty())
    co_return StepResult::for_human(fmt::format("a human: {} {}", data_dir.string(), why));
  if (instance.find_postmaster() || !instance.inspect_lock().orphans.empty())
    co_return StepResult::for_human("a human: a server runs in " + data_dir.string());
  const auto manner = instance::swap_manner(data_dir);
  if (!manner) co_return StepResult::failed(manner.error());
  if (*manner == instance::SwapManner::Entries && facts.state == instance::DataDirState::Empty)
    co_return StepResult::skipped("nothing is in the mount point");
  const auto aside = *manner == instance::SwapManner::Entries
                         ? aside_path_within(data_dir, wall_now())
                         : aside_path(data_dir, wall_now());
  const auto moved = instance::set_aside({data_dir, {}, aside, *manner});
  if (!moved) co_return StepResult::for_human("a human: " + moved.error().message());
  co_return StepResult::done("kept as " + aside.string());
}

// An engine cannot use a volume whose directory is gone: an empty one is left where it was.
void leave_volume_usable(const fs::path& from) {
  if (from.filename() != kVolumeDirectory) return;
  std::error_code ignored;
  fs::create_directory(from, ignored);
}

std::string describe_reattach(const StepContext& context) {
  const auto from = context.notes.find("from");
  return fmt::format("rename {} to {}",
                     from == context.notes.end() ? "what is found" : from->second,
                     context.services.instance.data_dir().string());
}

Task<StepResult> reattach(StepContext* context, Left left) {
  const fs::path chosen = context->notes["from"];
  const auto again = co_await search(context, left);
  if (again.outcome == incident::ActionOutcome::Failed) co_return again;
  const auto found = context->notes.find("from");
  const fs::path from = found == context->notes.end() ? fs::path() : fs::path(found->second);
  if (from != chosen)
    co_return StepResult::for_human("a human: the data moved while it was looked at");
  const auto to = context->services.instance.data_dir();
  const auto renamed = runtime::rename_durable(from, to);
  if (!renamed) co_return StepResult::failed(renamed.error());
  keep_files_back(context->services.ledger);
  leave_volume_usable(from);
  co_return StepResult::done(fmt::format("{} is back at {}", from.string(), to.string()));
}

Task<StepResult> search_crashed(StepContext* context) {
  auto found = co_await search(context, Left::ByCrash);
  co_return found;
}
Task<StepResult> search_any(StepContext* context) {
  auto found = co_await search(context, Left::AsItMay);
  co_return found;
}
Task<StepResult> reattach_crashed(StepContext* context) {
  auto done = co_await reattach(context, Left::ByCrash);
  co_return done;
}
Task<StepResult> reattach_any(StepContext* context) {
  auto done = co_await reattach(context, Left::AsItMay);
  co_return done;
}

}  // namespace

std::optional<SystemId> occupant_of(const instance::DataDirFacts& facts) {
  return facts.control ? std::optional(facts.control->system_id) : facts.fenced_system_id;
}

std::string objection_to_moving(const instance::DataDirFacts& occupant,
                                const incident::Identity& identity) {
  if (occupant.state == instance::DataDirState::Empty) return {};
  const auto occupied_by = occupant_of(occupant);
  if (!occupied_by) return "cannot be told from the known data: its control file is unreadable";
  if (*occupied_by == identity.system_id) return "holds the known data itself";
  return {};
}

constinit const Step kSearchLostData{
    "search_lost_data", describe_search, search_crashed, Effect::None, "", {&kIdentityIsKnown}};
constinit const Step kSearchReplacedData{
    "search_lost_data", describe_search, search_any, Effect::None, "", {&kIdentityIsKnown}};
constinit const Step kReattachDirectory{
    "reattach_directory", describe_reattach, reattach_crashed,
    Effect::Reversible,   kMoveBack,         {&kIdentityIsKnown, &kNoServerRuns}};
constinit const Step kReattachReplaced{
    "reattach_directory", describe_reattach, reattach_any,
    Effect::Reversible,   kMoveBack,         {&kIdentityIsKnown, &kNoServerRuns}};
constinit const Step kSetAsideOccupant{"set_aside_occupant",
                                       describe_set_aside,
                                       set_aside,
                                       Effect::Reversible,
                                       "stop the server; rename what was kept aside back",
                                       {&kIdentityIsKnown, &kNoServerRuns}};

}  // namespace pgkeel::recover
