// A disk the server cannot do without is full. In this order, as far as it is needed: where the
// operator allows it, a statement that has filled it with temporary files is ended and the engine's
// log of the container emptied; the ballast kept there for this is given up, enough for a crash
// recovery to end and a while of writing; then, since removing takes a little room itself, copies
// go that retention does not ask for. Last a person is told what fills the disk, what keeps the
// WAL, and how much to add.
// It refuses to remove anything of the server's: no WAL, no log of its own, no file of a living
// session; and never asks for VACUUM FULL, which needs the room that is not there.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recover/ballast.hpp"
#include "recover/playbooks/room_steps.hpp"
#include "recover/room.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kAskedAgain{600};
constexpr std::int64_t kRetainedNotable = std::int64_t{64} << 20U;

bool on_full_disk(const fs::path& file) {
  const auto room = runtime::disk_space(file.parent_path());
  return room && is_full(sense::SpaceRole::Data, *room);
}

std::vector<fs::path> to_release(const StepContext& context) {
  auto files = ballast_files(context.services.instance.data_dir());
  std::erase_if(files,
                [](const fs::path& file) { return !on_full_disk(file) || ballast_at(file) == 0; });
  return files;
}

// The second look, at the disk itself: diagnosis went by what the server said and an earlier look.
std::string nothing_is_full(const StepContext& context) {
  if (context.notes.contains(std::string(kBallastReleased))) return {};
  const auto full = full_places(context.services.instance.data_dir());
  return full.empty() ? "there is room on the disks of data, WAL and tablespaces" : "";
}

std::string describe_release(const StepContext& context) {
  std::vector<std::string> files;
  for (const auto& file : to_release(context)) files.push_back(file.string());
  if (files.empty()) return "give up the ballast on the full disk; there is none";
  return fmt::format("remove the ballast {}", fmt::join(files, " and "));
}

Task<StepResult> release(StepContext* context) {
  const auto files = to_release(*context);
  if (files.empty()) co_return StepResult::skipped("no ballast is left to give up");
  std::string released;
  std::string places;
  for (const auto& file : files) {
    const auto bytes = release_ballast(file);
    if (!bytes) co_return StepResult::failed(bytes.error());
    released += fmt::format("{} bytes at {}; ", *bytes, file.parent_path().string());
    places += file.parent_path().string() + "\n";
  }
  context->notes[std::string(kBallastReleased)] = places;
  co_return StepResult::done(released + "that is all there was in reserve");
}

std::string describe_tell(const StepContext&) {
  return "say what fills the disk, what keeps the WAL, and how much to add";
}

// By the last look inside: a slot, or an archiver that fails, keeps the WAL.
std::string wal_words(const sense::ActivityFacts& activity) {
  std::string text;
  for (const auto& slot : activity.slots) {
    if (slot.retained_bytes < kRetainedNotable) continue;
    text += fmt::format("; slot {} keeps {} of WAL{}", slot.name,
                        format_size(static_cast<std::uint64_t>(slot.retained_bytes)),
                        slot.active ? "" : " and is not in use");
  }
  if (activity.archiver && activity.archiver->failing_looks > 0)
    text += fmt::format("; archive_command fails at {}: all WAL since is kept",
                        activity.archiver->last_failed_wal);
  return text;
}

// A choice that is not the guard's.
std::string archive_words(const RoomAccount& account) {
  const auto archive = std::ranges::find(account.uses, "pgkeel's archive", &RoomUse::what);
  if (archive == account.uses.end()) return {};
  return "; the archive is on the disk it protects: move archive.store, or keep less of it (pgkeel "
         "backup expire --down-to 3 --yes)";
}

std::string place_words(const StepContext& context, const ServerPlace& place) {
  const auto& services = context.services;
  const auto account = account_for(
      place.path, {services.instance.data_dir(), services.archive_dir, services.state_dir});
  if (!account) return account.error().message();
  return fmt::format("{}{}; {}", uses_words(*account), archive_words(*account),
                     growth_words(account->room, disk_samples(services.journal, place.role)));
}

// Those that are full, or that just were: the ballast is no more than a while.
std::vector<ServerPlace> places_to_tell(const StepContext& context) {
  const auto data_dir = context.services.instance.data_dir();
  auto full = full_places(data_dir);
  if (!full.empty()) return full;
  auto all = server_places(data_dir);
  std::erase_if(
      all, [](const ServerPlace& place) { return place.role == sense::SpaceRole::Tablespace; });
  return all;
}

Task<StepResult> tell(StepContext* context) {
  const auto data_dir = context->services.instance.data_dir();
  const bool full = !full_places(data_dir).empty();
  auto text = co_await context->services.loop.run_blocking([=, log = engine_log_of(*context)] {
    std::vector<std::string> words;
    for (const auto& place : places_to_tell(*context))
      words.push_back(place_words(*context, place));
    if (auto told = engine_log_words(log, data_dir); !told.empty())
      words.push_back(std::move(told));
    return fmt::format("{}", fmt::join(words, "; "));
  });
  text += wal_words(context->services.senses.observation().activity);
  const auto temporary = co_await temp_files_words(context);
  if (!temporary.empty()) text += "; " + temporary;
  if (!full) co_return StepResult::done(text);
  auto result = StepResult::for_human(fmt::format("a human: {}; {}", context->finding.hint, text));
  result.retry_after = kAskedAgain;
  co_return result;
}

const Step kSteps[] = {kEndTempFiles,
                       kEmptyEngineLog,
                       {"release_ballast",
                        describe_release,
                        release,
                        Effect::Reversible,
                        "the guard makes it again when four times as much is free",
                        {&kADiskIsFull},
                        Unmet::PassesOver},
                       kExpireCopies,
                       {"tell_what_fills_it", describe_tell, tell, Effect::None, "", {}}};

}  // namespace

constinit const Precondition kADiskIsFull{
    "hardly anything (less than 32 MB) is free on the disk of the data, the WAL or a tablespace",
    nothing_is_full};

const Playbook kMakeRoom{"make_room",
                         "Free what is certainly of no use on a full disk, and say what fills it.",
                         kSteps, "there is room for two WAL segments, and a write succeeds"};

}  // namespace pgkeel::recover
