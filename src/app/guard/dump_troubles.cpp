// What is wrong with the dumps, as an incident would say it. Pure, as the schedule is.
#include <fmt/format.h>

#include "app/guard/dump_schedule.hpp"

namespace pgkeel::app {
namespace {

using sense::ArchiveTrouble;

constexpr Millis kStorePatience{90'000};  // a listing is repeated within a minute; two must fail
constexpr Millis kFirstDumpPatience{3'600'000};
constexpr int kLateQuarter = 4;  // late: a quarter of the next period has gone
constexpr int kBackgroundFailures = 2;

constexpr const char* kLook =
    "'pgkeel dump list' shows what is there; the last good one is kept, and the guard tries again "
    "by itself";

Millis late(Millis period) { return period + period / kLateQuarter; }

// A failure that nothing has mended since, by whoever it was.
bool still_failed(const JobHistory& history, const std::optional<WallTime>& mended_at) {
  if (history.failure.empty()) return false;
  return !mended_at || !history.ended_at || *mended_at < *history.ended_at;
}

bool older_than(const std::optional<WallTime>& time, Millis age, WallTime now) {
  return time && now - *time > age;
}

std::string age_text(WallTime now, WallTime then) {
  return humane_duration(std::chrono::duration_cast<Millis>(now - then));
}

ArchiveTrouble dump_trouble(const DumpScene& scene) {
  const auto& view = scene.view;
  ArchiveTrouble trouble{"archive.dump", {}, kLook, scene.only_dumps, {}, {}};
  if (!scene.listing_failure.empty()) {
    trouble.text = "The dumps cannot be read: " + scene.listing_failure;
    trouble.patience = kStorePatience;
  } else if (still_failed(scene.history.dump, view.newest_good_at)) {
    trouble.text = "The last dump failed: " + scene.history.dump.failure;
  } else if (!view.failure.empty()) {
    trouble.text = "The last dump failed: " + view.failure;
  } else if (older_than(view.newest_good_at, late(scene.every), scene.now)) {
    trouble.text = "The newest dump is " + age_text(scene.now, *view.newest_good_at) + " old";
  } else if (view.seen && view.newest_good.empty()) {
    trouble.text = "There is no dump yet";
    trouble.patience = kFirstDumpPatience;
  }
  return trouble;
}

ArchiveTrouble drill_trouble(const DumpScene& scene) {
  const auto& view = scene.view;
  ArchiveTrouble trouble{"archive.dump_drill", {}, {}, false, {}, {}};
  trouble.hint = "'pgkeel dump drill' repeats it and says what did not hold";
  if (view.newest_good.empty()) return trouble;
  const auto proven_at = view.proven ? view.drilled_at : std::nullopt;
  if (still_failed(scene.history.drill, proven_at))
    trouble.text = "The last drill of a dump failed: " + scene.history.drill.failure;
  else if (view.drilled_at && !view.proven)
    trouble.text = fmt::format("The drill of dump {} did not hold", view.newest_good);
  else if (older_than(proven_at ? proven_at : view.newest_good_at, late(scene.drill_every),
                      scene.now))
    trouble.text = "No dump was proven for longer than archive.drill_every";
  return trouble;
}

ArchiveTrouble background(const JobHistory& history, const char* subject, const char* words) {
  if (history.failures < kBackgroundFailures) return {};
  return {subject, words + history.failure, kLook, false, {}, {}};
}

// The words of others may end with a full stop; whoever shows ours sets it.
void trim(std::string& text) {
  while (text.ends_with('.')) text.pop_back();
}

}  // namespace

std::vector<ArchiveTrouble> dump_troubles(const DumpScene& scene) {
  const auto& history = scene.history;
  std::vector<ArchiveTrouble> found{
      dump_trouble(scene), drill_trouble(scene),
      background(history.copy, "archive.offsite", "The off-site copy of the dumps is behind: "),
      background(history.expire, "archive.dump_expire", "Old dumps cannot be removed: "),
      background(history.expire_copy, "archive.dump_expire_offsite",
                 "Old dumps of the second store cannot be removed: ")};
  std::erase_if(found, [](const auto& trouble) { return trouble.text.empty(); });
  for (auto& trouble : found) trim(trouble.text);
  return found;
}

}  // namespace pgkeel::app
