// See archive_troubles.hpp.
#include "app/guard/archive_troubles.hpp"

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

using sense::ArchiveTrouble;

constexpr Seconds kReceiverSilentAfter{10};
constexpr Millis kWalBehindAfter{5 * 60'000};
// A restart of the server or of the receiver is over sooner.
constexpr Millis kWalPatience{15'000};
// A listing is repeated within a minute; two must fail.
constexpr Millis kStorePatience{90'000};
constexpr Millis kFirstBackupPatience{3'600'000};
// What runs once in a period is late when a quarter of the next has gone.
constexpr int kLateQuarter = 4;
constexpr int kBackgroundFailures = 2;  // one lost line to a far store is noise

constexpr const char* kLook =
    "'pgkeel backup list' shows what is there; the guard tries again by itself";

Millis late(Millis period) { return period + period / kLateQuarter; }

std::string age_text(WallTime now, WallTime then) {
  return humane_duration(std::chrono::duration_cast<Millis>(now - then));
}

std::string wal_text(const std::optional<archive::ReceiveStatus>& status, WallTime now) {
  if (!status) return "No WAL is being received";
  if (status->ship_error) return "WAL cannot be stored: " + status->ship_error->message;
  if (status->last_error) return "WAL is not received: " + status->last_error->message;
  if (now - status->written_at > kReceiverSilentAfter)
    return "The WAL receiver has been silent for " + age_text(now, status->written_at);
  if (status->lag > kWalBehindAfter)
    return fmt::format("The archive's WAL is {} ({}) behind the server",
                       humane_duration(status->lag), format_size(status->lag_bytes));
  return {};
}

std::string wal_hint(const std::optional<archive::ReceiveStatus>& status) {
  const auto hint = [](const std::optional<archive::ReceiveProblem>& problem) {
    return problem ? problem->hint : std::string();
  };
  if (status && !hint(status->ship_error).empty()) return hint(status->ship_error);
  if (status && !hint(status->last_error).empty()) return hint(status->last_error);
  return "receive.log in the state directory says more; the guard restarts a receiver that ends";
}

// By the clock, since a restore may put the server's positions back.
bool older(const ArchiveView& view, const SlotGivenUp& given_up) {
  return !view.newest_start.at || *view.newest_start.at < given_up.at;
}

// A failure that nothing has mended since, by whoever it was.
bool still_failed(const JobHistory& history, const std::optional<WallTime>& mended_at) {
  if (history.failure.empty()) return false;
  return !mended_at || !history.ended_at || *mended_at < *history.ended_at;
}

void add_backup(const ArchiveScene& scene, std::vector<ArchiveTrouble>& found) {
  const auto& [view, history, config, receiver, listing, given_up, now] = scene;
  ArchiveTrouble trouble{"archive.backup", {}, kLook, true, {}, {}};
  const bool old = view.newest_at && now - *view.newest_at > late(config.full_every);
  if (still_failed(history.backup, view.newest_at))
    trouble.text = "The last backup failed: " + history.backup.failure;
  else if (old)
    trouble.text = fmt::format("The newest backup is {} old", age_text(now, *view.newest_at));
  else if (view.seen && view.newest.empty()) {
    trouble.text = "There is no backup yet";
    trouble.patience = kFirstBackupPatience;
  }
  if (!trouble.text.empty()) found.push_back(std::move(trouble));
}

void add_drill(const ArchiveScene& scene, std::vector<ArchiveTrouble>& found) {
  const auto& [view, history, config, receiver, listing, given_up, now] = scene;
  if (!view.seen || view.newest.empty()) return;
  ArchiveTrouble trouble{"archive.drill", {}, {}, false, {}, {}};
  trouble.hint =
      "'pgkeel backup drill' repeats it and says what did not hold; the backups before "
      "it stay";
  const auto proven = view.proven_at ? view.proven_at : view.newest_at;
  if (still_failed(history.drill, view.proven_at))
    trouble.text = "The last drill failed: " + history.drill.failure;
  else if (view.drilled_at && !view.newest_proven)
    trouble.text = fmt::format("The drill of backup {} did not hold", view.newest);
  else if (proven && now - *proven > late(config.drill_every))
    trouble.text = fmt::format("No backup was proven for {}", age_text(now, *proven));
  if (!trouble.text.empty()) found.push_back(std::move(trouble));
}

// A gap is known once the receiver has met it, which may be long after the slot was given up.
void add_gap(const ArchiveScene& scene, std::vector<ArchiveTrouble>& found) {
  const auto& view = scene.view;
  if (!view.seen) return;
  ArchiveTrouble trouble{std::string(kGapSubject), {}, {}, true, {}, {}};
  trouble.hint =
      "A new backup is made by itself as soon as it can be; until it is there, no moment after the "
      "gap can be had back";
  const auto& gap = scene.receiver ? scene.receiver->gap : std::nullopt;
  if (gap && !begins_behind(view.newest_start, *gap))
    trouble.text =
        fmt::format("WAL from {} to {} is lost for the archive: the server has removed it",
                    to_string(gap->from), to_string(gap->to));
  else if (const auto& given_up = scene.slot_given_up; given_up && older(view, *given_up))
    trouble.text = fmt::format(
        "The receiver's slot was given up at {}, with the WAL from {} on, because the "
        "server's disk was nearly full",
        to_iso8601(given_up->at), to_string(given_up->from));
  if (!trouble.text.empty()) found.push_back(std::move(trouble));
}

// The words of others may end with a full stop; whoever shows ours sets it.
void trim(std::string& text) {
  while (text.ends_with('.')) text.pop_back();
}

void add_background(const JobHistory& history, const char* subject, const char* words,
                    std::vector<ArchiveTrouble>& found) {
  if (history.failures < kBackgroundFailures) return;
  found.push_back({subject, words + history.failure, kLook, false, {}, {}});
}

}  // namespace

bool receives(const archive::ReceiveStatus& receiver, WallTime now) {
  using enum archive::ReceiveState;
  return (receiver.state == Streaming || receiver.state == CatchingUp) &&
         now - receiver.written_at < kReceiverSilentAfter;
}

std::vector<ArchiveTrouble> troubles_of(const ArchiveScene& scene) {
  std::vector<ArchiveTrouble> found;
  if (!scene.listing_failure.empty())
    found.push_back({"archive.store",
                     "The archive cannot be read: " + scene.listing_failure,
                     kLook,
                     true,
                     kStorePatience,
                     {}});
  add_backup(scene, found);
  add_drill(scene, found);
  if (auto text = wal_text(scene.receiver, scene.now); !text.empty())
    found.push_back(
        {"archive.wal", std::move(text), wal_hint(scene.receiver), true, kWalPatience, {}});
  add_gap(scene, found);
  add_background(scene.history.copy, "archive.offsite", "The off-site copy is behind: ", found);
  add_background(scene.history.expire, "archive.expire", "Old backups cannot be removed: ", found);
  add_background(scene.history.expire_copy, "archive.expire_offsite",
                 "Old backups of the second store cannot be removed: ", found);
  for (auto& trouble : found) {
    trim(trouble.text);
    trim(trouble.hint);
  }
  return found;
}

// From the oldest backup behind the newest gap up to what is on the archive's disk.
std::optional<RestorableWindow> restorable_window(const ArchiveScene& scene) {
  const auto& receiver = scene.receiver;
  for (const auto& point : scene.view.points) {
    if (receiver && receiver->gap && !begins_behind(point.start, *receiver->gap)) continue;
    auto until = point.ended_at;
    if (receiver) until = std::max(until, receiver->written_at - receiver->lag);
    return RestorableWindow{point.ended_at, std::min(until, scene.now)};
  }
  return std::nullopt;
}

}  // namespace pgkeel::app
