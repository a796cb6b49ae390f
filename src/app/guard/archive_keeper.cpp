// See archive_keeper.hpp.
#include "app/guard/archive_keeper.hpp"

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/guard/dump_schedule.hpp"
#include "app/json_read.hpp"
#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kLookEvery{5};            // whether something is due
constexpr Seconds kListEvery{600};          // somebody may work on the store without us
constexpr Seconds kListPatience{120};       // a bucket with many objects
constexpr Seconds kJobPatience{24 * 3600};  // a backup of a large database over a slow line
constexpr Seconds kReceiverSilentAfter{10};

std::vector<std::string> words_of(ArchiveJob job) {
  switch (job) {
    case ArchiveJob::Backup: return {"backup", "now", "--json"};
    case ArchiveJob::Drill: return {"backup", "drill", "--json"};
    case ArchiveJob::Expire: return {"backup", "expire", "--yes", "--json"};
    case ArchiveJob::Copy: return {"backup", "copy", "--json"};
    case ArchiveJob::ExpireCopy: return {"backup", "expire", "--offsite", "--yes", "--json"};
  }
  return {};
}

// What a command of ours said when it failed: its error object, else the end of its stderr.
std::string failure_of(const Result<runtime::ProcessOutput>& ran) {
  if (!ran) return ran.error().message();
  for (const auto& text : {ran->out, ran->err}) {
    const auto answer = parse_json(text);
    if (!answer) continue;
    const auto said = text_of(member(*answer, "error"), "message");
    const auto failure = text_of(*answer, "failure");
    if (!said.empty() || !failure.empty()) return said.empty() ? failure : said;
  }
  const auto& words = ran->err.empty() ? ran->out : ran->err;
  return words.empty() ? ran->exit.describe() : words.substr(0, words.find('\n'));
}

Result<archive::ReceiveStatus> receiver_status(const Config& config) {
  return archive::read_receive_status(config.state_dir / archive::kReceiveStatusFile);
}

std::string receiver_complaint(const Config& config, WallTime now) {
  const auto status = receiver_status(config);
  if (!status) return "no WAL is being received";
  if (status->ship_error) return "WAL cannot be stored: " + status->ship_error->message;
  if (status->last_error) return "WAL is not received: " + status->last_error->message;
  if (now - status->written_at > kReceiverSilentAfter)
    return fmt::format(
        "the WAL receiver has been silent for {}",
        humane_duration(std::chrono::duration_cast<Millis>(now - status->written_at)));
  return {};
}

}  // namespace

Result<ArchiveView> parse_backup_list(std::string_view json) {
  TRY(answer, parse_json(json));
  const auto& rows = member(answer, "backups");
  if (!rows.is_array()) return fail(ErrorCode::Malformed, "no list of backups");
  ArchiveView view;
  view.seen = true;
  view.backups = static_cast<int>(rows.size());
  for (const auto& row : rows) {  // oldest first
    const auto& drill = member(row, "drill");
    view.newest = text_of(row, "backup");
    view.newest_at = time_of(row, "ended_at");
    view.newest_timeline =
        TimelineId(static_cast<std::uint32_t>(number_of(row, "timeline").value_or(0)));
    view.newest_start = parse_lsn(text_of(row, "start_lsn")).value_or(Lsn());
    view.newest_proven = flag_of(row, "proven");
    view.drilled_at = time_of(drill, "at");
    view.stored_bytes += static_cast<std::uint64_t>(number_of(row, "stored_bytes").value_or(0));
    if (!view.newest_proven) continue;
    view.proven_at = view.drilled_at;
    if (const auto took = number_of(drill, "restore_ms")) view.restore_took = Millis(*took);
  }
  return view;
}

JobHistory& ArchiveKeeper::history_of(ArchiveJob job) {
  switch (job) {
    case ArchiveJob::Backup: return history_.backup;
    case ArchiveJob::Drill: return history_.drill;
    case ArchiveJob::Expire: return history_.expire;
    case ArchiveJob::Copy: return history_.copy;
    case ArchiveJob::ExpireCopy: return history_.expire_copy;
  }
  return history_.backup;
}

bool ArchiveKeeper::may_work() const {
  return config_.mode == Mode::Act && !conductor_.state().paused &&
         senses_.observation().healthy() && !conductor_.state().stopped_on_purpose &&
         !dumps_only(config_, senses_.observation().rights);
}

ServerView ArchiveKeeper::server() const {
  ServerView view;
  if (const auto& identity = conductor_.known().identity) view.timeline = identity->timeline;
  if (const auto status = receiver_status(config_); status && status->gap)
    view.gap_end = status->gap->to;
  return view;
}

Task<void> ArchiveKeeper::look() {
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, {"backup", "list", "--json"});
  const auto ran =
      co_await runtime::run_process(loop_, std::move(spec), loop_.after(kListPatience));
  const bool ended_well = ran && ran->exit.ok();
  const auto view = ended_well ? parse_backup_list(ran->out)
                               : Result<ArchiveView>(fail(ErrorCode::Failed, failure_of(ran)));
  listing_failure_ = view ? "" : view.error().message();
  if (view) view_ = *view;
}

Task<void> ArchiveKeeper::do_job(ArchiveJob job) {
  running_ = job;
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, words_of(job));
  log_info("archive job started", {{"job", to_string(job)}});
  const auto began = loop_.now();
  const auto ran = co_await runtime::run_process(loop_, std::move(spec), loop_.after(kJobPatience));
  const auto took = std::chrono::duration_cast<Millis>(loop_.now() - began);
  auto& history = history_of(job);
  history.ended_at = wall_now();
  const bool worked = ran && ran->exit.ok();
  history.failure = worked ? "" : failure_of(ran);
  history.failures = worked ? 0 : history.failures + 1;
  if (worked) log_info("archive job done", {{"job", to_string(job)}, {"took_ms", took.count()}});
  else log_error("archive job failed", {{"job", to_string(job)}, {"why", history.failure}});
  running_.reset();
  co_await look();
}

Task<void> ArchiveKeeper::run() {
  if (!config_.archive.configured()) co_return;
  SteadyTime list_due{};
  while (true) {
    static_cast<void>(co_await loop_.sleep_for(kLookEvery));
    if (!may_work()) continue;
    if (loop_.now() >= list_due) {
      co_await look();
      list_due = loop_.after(kListEvery);
    }
    const auto job = due_job(view_, server(), history_, config_.archive, wall_now());
    if (job) co_await do_job(*job);
  }
}

std::vector<std::string> ArchiveKeeper::complaints() const {
  std::vector<std::string> found;
  const auto add = [&found](std::string text) {
    if (!text.empty()) found.push_back(std::move(text));
  };
  if (!config_.archive.configured() || dumps_only(config_, senses_.observation().rights))
    return found;
  if (!listing_failure_.empty()) add("the archive cannot be read: " + listing_failure_);
  if (view_.seen && view_.newest.empty()) add("there is no backup yet");
  if (!history_.backup.failure.empty()) add("the last backup failed: " + history_.backup.failure);
  if (!history_.drill.failure.empty()) add("the last drill failed: " + history_.drill.failure);
  if (!history_.copy.failure.empty()) add("the off-site copy is behind: " + history_.copy.failure);
  add(receiver_complaint(config_, wall_now()));
  return found;
}

bool ArchiveKeeper::shares_the_disk() const {
  const auto& archive = config_.archive;
  if (!archive.store.where.starts_with('/') || !archive.offsite.where.empty()) return false;
  const auto store = runtime::inode_of(archive.store.where);
  const auto server = runtime::inode_of(config_.instance.data_dir);
  return store && server && store->device == server->device;
}

std::optional<serve::Protection> ArchiveKeeper::protection() const {
  if (!config_.archive.configured()) return std::nullopt;
  serve::Protection protection;
  const auto wrong = complaints();
  protection.ok = wrong.empty() && view_.newest_proven;
  if (!wrong.empty()) protection.note = wrong.front();
  else if (!view_.seen) protection.note = "not looked at yet";
  else if (!view_.newest_proven) protection.note = "the newest backup is not proven yet";
  if (protection.note.empty()) {
    const auto age = [](const std::optional<WallTime>& time) {
      return time ? humane_duration(std::chrono::duration_cast<Millis>(wall_now() - *time)) : "?";
    };
    protection.note = fmt::format("backup {} old, proven {} ago, restores in {}",
                                  age(view_.newest_at), age(view_.proven_at),
                                  view_.restore_took ? humane_duration(*view_.restore_took) : "?");
  }
  if (const auto status = receiver_status(config_)) {
    protection.lag_bytes = status->lag_bytes;
    protection.lag = status->lag;
  }
  return protection;
}

}  // namespace pgkeel::app
