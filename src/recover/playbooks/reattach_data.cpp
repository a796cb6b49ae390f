// The data directory is gone, or a stranger's stands in its place. Before anything is restored, the
// real one is searched for, by its system identifier, and moved back. Whatever stands in its place
// is renamed aside and kept. Guards, each checked right before the rename it protects: exactly one
// candidate; not in use; same timeline and no older than the last checkpoint the guard saw; left by
// a crash and not by an operator's clean stop (who may have moved it on purpose); a plain rename on
// one file system, so that it either happens whole or not at all.
// If the guard is killed between the renames the directory is missing, which the next guard finds.
#include "recover/playbook.hpp"

#include <fmt/format.h>

#include "instance/search.hpp"
#include "recover/aside.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kSearchPatience{30};  // a disk full of directories; usually milliseconds

std::string describe_search(const StepContext& context) {
  return "search for the data directory that belongs at " +
         context.services.instance.data_dir().string();
}

// Why a candidate may not be used; empty when it may.
std::string objection(const instance::LostDataCandidate& candidate,
                      const incident::Identity& identity) {
  if (candidate.in_use) return "is in use by a running server";
  if (!candidate.same_filesystem) return "is on another file system";
  if (candidate.control.timeline < identity.timeline ||
      candidate.control.checkpoint < identity.last_lsn)
    return "is older than what the guard last saw: a copy, not the lost data";
  if (pg::is_clean(candidate.control.state)) return "was shut down cleanly before it was moved";
  return {};
}

StepResult choose(StepContext& context, const std::vector<instance::LostDataCandidate>& candidates,
                  const incident::Identity& identity) {
  std::vector<fs::path> usable;
  std::string refused;
  for (const auto& candidate : candidates) {
    const auto why = objection(candidate, identity);
    if (why.empty()) usable.push_back(candidate.path);
    else refused += fmt::format("; {} {}", candidate.path.string(), why);
  }
  if (usable.size() == 1) {
    context.notes["from"] = usable.front().string();
    return StepResult::done("found at " + usable.front().string());
  }
  if (usable.size() > 1)
    return StepResult::for_human(
        fmt::format("a human: {} directories bear the system identifier; say which by moving it",
                    usable.size()));
  return StepResult::for_human("a human: the data directory was not found" + refused);
}

// Looks for it and chooses; also asked again right before the rename, so that what was true then is
// true now.
Task<StepResult> search(StepContext* context) {
  auto& services = context->services;
  const auto identity = services.ledger.identity();
  if (!identity) co_return StepResult::failed(identity.error());
  if (!identity->has_value()) co_return StepResult::for_human("a human: no identity is known");
  const instance::LostDataQuery query{(*identity)->system_id, services.instance.data_dir()};
  const auto deadline = services.loop.after(kSearchPatience);
  const auto report = co_await services.loop.run_blocking(
      [&query, deadline] { return instance::find_lost_data(query, deadline); });
  co_return choose(*context, report.candidates, **identity);
}

std::string describe_set_aside(const StepContext& context) {
  const auto& data_dir = context.services.instance.data_dir();
  return fmt::format("rename {} aside, keeping it", data_dir.string());
}

Task<StepResult> set_aside(StepContext* context) {
  auto& instance = context->services.instance;
  const auto data_dir = instance.data_dir();
  if (!fs::exists(data_dir)) co_return StepResult::skipped("nothing is in its place");
  if (instance.find_postmaster() || !instance.inspect_lock().orphans.empty())
    co_return StepResult::for_human("a human: a server runs in " + data_dir.string());
  const auto aside = aside_path(data_dir, wall_now());
  const auto renamed = runtime::rename_durable(data_dir, aside);
  if (!renamed) co_return StepResult::for_human("a human: " + renamed.error().message());
  co_return StepResult::done("kept as " + aside.string());
}

std::string describe_reattach(const StepContext& context) {
  const auto from = context.notes.find("from");
  return fmt::format("rename {} to {}",
                     from == context.notes.end() ? "what is found" : from->second,
                     context.services.instance.data_dir().string());
}

Task<StepResult> reattach(StepContext* context) {
  const fs::path chosen = context->notes["from"];
  const auto again = co_await search(context);
  if (again.outcome == incident::ActionOutcome::Failed) co_return again;
  const fs::path from = context->notes["from"];
  if (from != chosen)
    co_return StepResult::for_human("a human: the data moved while it was looked at");
  const auto to = context->services.instance.data_dir();
  const auto renamed = runtime::rename_durable(from, to);
  if (!renamed) co_return StepResult::failed(renamed.error());
  co_return StepResult::done(fmt::format("{} is back at {}", from.string(), to.string()));
}

constexpr Step kSteps[] = {{"search_lost_data", describe_search, search},
                           {"set_aside_occupant", describe_set_aside, set_aside},
                           {"reattach_directory", describe_reattach, reattach}};

}  // namespace

const Playbook kReattachData{"reattach_data", "Find the lost data directory and move it back.",
                             kSteps};

}  // namespace pgkeel::recover
