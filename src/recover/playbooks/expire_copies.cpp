// Copies that lie on the full disk itself: what retention no longer asks for goes now rather than
// at night, and of the dumps all but the three newest good ones. Done by `pgkeel backup expire` and
// `pgkeel dump expire`, whose rules hold: nothing goes unless a newer one was proven to restore,
// what is pinned stays, the last good one always does.
// Removing takes a little room itself (the lease is written first), so the ballast goes before.
// It refuses to shorten archive.keep: from when on everything can be restored is the operator's to
// say; the next command does it.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "recover/playbooks/room_steps.hpp"
#include "recover/room.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

// Listing a store of thousands of segments takes seconds; meanwhile the disk is full.
constexpr Seconds kPatience{60};
constexpr std::string_view kDumpsKept = "3";

// Those that are full now, and those where the ballast was given up a moment ago: they are no
// longer quite full, and no other disk of the server's is meant.
std::vector<fs::path> places_in_need(const StepContext& context) {
  std::vector<fs::path> places;
  for (const auto& place : full_places(context.services.instance.data_dir()))
    places.push_back(place.path);
  const auto note = context.notes.find(std::string(kBallastReleased));
  std::istringstream released(note == context.notes.end() ? "" : note->second);
  for (std::string line; std::getline(released, line);) places.emplace_back(line);
  return places;
}

bool on_a_full_disk(const StepContext& context, const fs::path& directory) {
  const auto lies = runtime::inode_of(directory);
  if (!lies) return false;
  return std::ranges::any_of(places_in_need(context), [&](const fs::path& place) {
    const auto there = runtime::inode_of(place);
    return there && there->device == lies->device;
  });
}

std::string no_copies_there(const StepContext& context) {
  const auto& services = context.services;
  if (services.archive_dir.empty() || services.pgkeel.empty())
    return "there is no archive on a disk of this machine";
  if (on_a_full_disk(context, services.archive_dir)) return {};
  return fmt::format("{} is not on a full disk", services.archive_dir.string());
}

constexpr Precondition kCopiesLieThere{"the archive is on the full disk", no_copies_there};

using Words = std::vector<std::string>;

Words command(const StepContext& context, Words words) {
  auto argv = context.services.pgkeel;
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

bool holds(const StepContext& context, const char* part) {
  std::error_code error;
  return fs::is_directory(context.services.archive_dir / part, error);
}

// What it says it has freed, or why it did not.
std::string outcome_of(std::string_view what, const Result<runtime::ProcessOutput>& ended,
                       std::uint64_t& freed) {
  if (!ended) return fmt::format("{}: {}", what, ended.error().message());
  const auto json = nlohmann::json::parse(ended->out, nullptr, false);
  if (json.is_object() && json.value("done", false)) {
    const auto bytes = json.value("bytes", std::uint64_t{0});
    freed += bytes;
    return fmt::format("{}: {} removed", what, bytes == 0 ? "nothing" : format_size(bytes));
  }
  if (json.is_object() && json.contains("error"))
    return fmt::format("{}: {}", what, json["error"].value("message", "failed"));
  return fmt::format("{}: {}", what, ended->exit.describe());
}

Task<std::string> expire(StepContext* context, std::string what, Words words,
                         std::uint64_t* freed) {
  runtime::ProcessSpec spec;
  spec.argv = command(*context, std::move(words));
  auto& loop = context->services.loop;
  const auto ended = co_await runtime::run_process(loop, std::move(spec), loop.after(kPatience));
  co_return outcome_of(what, ended, *freed);
}

std::string describe_expire(const StepContext&) {
  return fmt::format("'pgkeel dump expire --down-to {} --yes', then 'pgkeel backup expire --yes'",
                     kDumpsKept);
}

// Whatever keeps it from being done (a backup that runs, a lease) is no reason to stop here.
Task<StepResult> expire_copies(StepContext* context) {
  std::uint64_t freed = 0;
  std::string told;
  if (holds(*context, "dumps")) {
    Words dumps{"dump", "expire", "--down-to", std::string(kDumpsKept), "--yes", "--json"};
    told = co_await expire(context, "dumps", std::move(dumps), &freed);
  }
  if (holds(*context, "backups")) {
    Words backups{"backup", "expire", "--yes", "--json"};
    const auto of_backups = co_await expire(context, "backups and WAL", std::move(backups), &freed);
    told += (told.empty() ? "" : "; ") + of_backups;
  }
  co_return freed == 0 ? StepResult::skipped(told.empty() ? "the archive is empty" : told)
                       : StepResult::done(told);
}

}  // namespace

constinit const Step kExpireCopies{
    "expire_copies",
    describe_expire,
    expire_copies,
    Effect::Final,
    "a copy goes only when a newer one was proven to restore; pinned ones and the last good one "
    "stay, and archive.keep is not shortened",
    {&kADiskIsFull, &kServerAnswers, &kCopiesLieThere},
    Unmet::PassesOver};

}  // namespace pgkeel::recover
