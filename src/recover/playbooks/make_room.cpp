// A disk the server cannot do without is full. The ballast kept there for this is given up: enough
// for a crash recovery to end and for a while of writing, so that the server serves while a human
// makes room for good. Nothing else is removed: no log, no dump, nothing of the server's.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recover/ballast.hpp"
#include "recover/playbook.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kAskedAgain{600};

bool is_full(const fs::path& file) {
  const auto room = runtime::disk_space(file.parent_path());
  return room &&
         (room->bytes_free < kDiskIsFull || (room->inodes_total > 0 && room->inodes_free == 0));
}

std::vector<fs::path> to_release(const StepContext& context) {
  auto files = ballast_files(context.services.instance.data_dir());
  std::erase_if(files,
                [](const fs::path& file) { return !is_full(file) || ballast_at(file) == 0; });
  return files;
}

// The second look, at the disk itself: diagnosis went by what the server said and an earlier look.
std::string nothing_is_full(const StepContext& context) {
  const auto files = ballast_files(context.services.instance.data_dir());
  return std::ranges::any_of(files, is_full) ? "" : "there is room on the disks of data and WAL";
}

constexpr Precondition kADiskIsFull{"less than 32 MB is free on the disk of the data or the WAL",
                                    nothing_is_full};

std::string describe_release(const StepContext& context) {
  std::vector<std::string> files;
  for (const auto& file : to_release(context)) files.push_back(file.string());
  if (files.empty()) return "give up the ballast on the full disk; there is none";
  return fmt::format("remove the ballast {}", fmt::join(files, " and "));
}

StepResult left_to_human(const StepContext& context) {
  auto result = StepResult::for_human(
      fmt::format("a human: {} (no ballast is left to give up)", context.finding.hint));
  result.retry_after = kAskedAgain;
  return result;
}

Task<StepResult> release(StepContext* context) {
  const auto files = to_release(*context);
  if (files.empty()) co_return left_to_human(*context);
  std::string released;
  for (const auto& file : files) {
    const auto bytes = release_ballast(file);
    if (!bytes) co_return StepResult::failed(bytes.error());
    released += fmt::format("{} bytes at {}; ", *bytes, file.parent_path().string());
  }
  co_return StepResult::done(
      fmt::format("{}that is all there was in reserve: {}", released, context->finding.hint));
}

constexpr Step kSteps[] = {{"release_ballast",
                            describe_release,
                            release,
                            Effect::Reversible,
                            "the guard makes it again when four times as much is free",
                            {&kADiskIsFull}}};

}  // namespace

const Playbook kMakeRoom{"make_room", "Give up the room kept in reserve on a full disk.", kSteps,
                         "there is room for two WAL segments, and a write succeeds"};

}  // namespace pgkeel::recover
