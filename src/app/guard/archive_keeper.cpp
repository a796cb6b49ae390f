// See archive_keeper.hpp.
#include "app/guard/archive_keeper.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/guard/dump_keeper.hpp"
#include "app/guard/job_failure.hpp"
#include "app/guard/shadow_keeper.hpp"
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
constexpr Seconds kListAgain{60};           // while something is wrong, which people mend
constexpr Millis kTellEvery{1'000};
// What was wrong before is in the ledger, in the receiver's status or in the first listing; only
// that a receiver is silent takes time to be known: ten seconds (archive_troubles.cpp).
constexpr Seconds kSettledAfter{15};
constexpr std::string_view kFact = "archive.jobs";
constexpr std::string_view kWal = "archive.wal";
constexpr std::size_t kProgressBytesMax = 1U << 10U;

std::filesystem::path progress_file(const Config& config) {
  return config.state_dir / "archive-job.txt";
}

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

Result<archive::ReceiveStatus> receiver_status(const Config& config) {
  return archive::read_receive_status(config.state_dir / archive::kReceiveStatusFile);
}

std::optional<archive::ReceiveStatus> receiver_now(const Config& config) {
  auto status = receiver_status(config);
  return status ? std::optional(*std::move(status)) : std::nullopt;
}

BackupStart start_of(const Json& row) {
  const auto timeline = static_cast<std::uint32_t>(number_of(row, "timeline").value_or(0));
  return {time_of(row, "started_at"), TimelineId(timeline),
          parse_lsn(text_of(row, "start_lsn")).value_or(Lsn())};
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
    view.newest_start = start_of(row);
    view.newest_at = time_of(row, "ended_at");
    if (view.newest_at) view.points.push_back({*view.newest_at, view.newest_start});
    view.newest_proven = flag_of(row, "proven");
    view.drilled_at = time_of(drill, "at");
    view.stored_bytes += static_cast<std::uint64_t>(number_of(row, "stored_bytes").value_or(0));
    if (!view.newest_proven) continue;
    view.proven_at = view.drilled_at;
    if (const auto took = number_of(drill, "restore_ms")) view.restore_took = Millis(*took);
  }
  return view;
}

ArchiveKeeper::ArchiveKeeper(const Config& config, runtime::Loop& loop, sense::Senses& senses,
                             const recover::Conductor& conductor, const SlotKeeper& slot,
                             incident::Ledger& ledger)
    : config_(config),
      loop_(loop),
      senses_(senses),
      conductor_(conductor),
      slot_(slot),
      ledger_(ledger),
      began_(loop.now()) {
  if (const auto fact = ledger_.fact(kFact)) history_ = parse_history(*fact);
}

void ArchiveKeeper::keep_history() {
  const auto kept = ledger_.set_fact(kFact, to_json(history_));
  if (!kept) log_error("the ledger cannot be written", {{"why", kept.error().message()}});
}

bool ArchiveKeeper::may_work() const {
  return config_.mode == Mode::Act && !conductor_.state().paused &&
         senses_.observation().healthy() && !conductor_.state().stopped_on_purpose &&
         !dumps_only(config_, senses_.observation().rights);
}

ServerView ArchiveKeeper::server() const {
  ServerView view;
  if (const auto& identity = conductor_.known().identity) view.timeline = identity->timeline;
  const auto status = receiver_now(config_);
  if (status) view.gap = status->gap;
  const auto& given_up = slot_.given_up();
  if (given_up && status && receives(*status, wall_now())) view.slot_given_up_at = given_up->at;
  return view;
}

Task<void> ArchiveKeeper::look() {
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, {"backup", "list", "--json"});
  const auto ran =
      co_await runtime::run_process(loop_, std::move(spec), loop_.after(kListPatience));
  const bool ended_well = ran && ran->exit.ok();
  const auto view = ended_well ? parse_backup_list(ran->out)
                               : Result<ArchiveView>(fail(ErrorCode::Failed, job_failure(ran)));
  listing_failure_ = view ? "" : view.error().message();
  if (view) view_ = *view;
}

Task<void> ArchiveKeeper::do_job(ArchiveJob job) {
  running_ = job;
  running_since_ = wall_now();
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, words_of(job));
  spec.environment = {{kProgressVariable, progress_file(config_).string()}};
  log_info("archive job started", {{"job", to_string(job)}});
  const auto began = loop_.now();
  const auto ran = co_await runtime::run_process(loop_, std::move(spec), loop_.after(kJobPatience));
  const auto took = std::chrono::duration_cast<Millis>(loop_.now() - began);
  auto& history = history_of(history_, job);
  history.ended_at = wall_now();
  const bool worked = ran && ran->exit.ok();
  history.failure = worked ? "" : job_failure(ran);
  history.failures = worked ? 0 : history.failures + 1;
  if (worked) log_info("archive job done", {{"job", to_string(job)}, {"took_ms", took.count()}});
  else log_error("archive job failed", {{"job", to_string(job)}, {"why", history.failure}});
  running_.reset();
  keep_history();
  co_await look();
  tell();
}

Task<void> ArchiveKeeper::run() {
  loop_.spawn(keep_telling());
  if (!config_.archive.configured()) co_return;
  SteadyTime list_due{};
  while (true) {
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
    if (!may_work()) continue;
    if (loop_.now() >= list_due) {
      co_await look();
      list_due = loop_.after(complaints().empty() ? kListEvery : kListAgain);
    }
    const auto job = due_job(view_, server(), history_, config_.archive, wall_now());
    if (job) co_await do_job(*job);
  }
}

// Beside the jobs, which take hours.
Task<void> ArchiveKeeper::keep_telling() {
  while (true) {
    tell();
    static_cast<void>(co_await loop_.sleep_in_step(kTellEvery));
  }
}

// A server that is down gets no WAL received, and that is another incident's.
void ArchiveKeeper::tell() {
  const auto now = loop_.now();
  sense::ArchiveFacts facts;
  facts.at = now;
  facts.troubles = complaints();
  if (!senses_.observation().healthy())
    std::erase_if(facts.troubles, [](const auto& trouble) { return trouble.subject == kWal; });
  if (dumps_ != nullptr) std::ranges::move(dumps_->troubles(), std::back_inserter(facts.troubles));
  if (shadow_ != nullptr)
    if (auto trouble = shadow_->trouble()) facts.troubles.push_back(*std::move(trouble));
  std::map<std::string, SteadyTime> since;
  for (auto& trouble : facts.troubles) {
    const auto known = troubled_since_.find(trouble.subject);
    trouble.since = known == troubled_since_.end() ? now : known->second;
    since.emplace(trouble.subject, trouble.since);
  }
  troubled_since_ = std::move(since);
  const bool looked = view_.seen || !listing_failure_.empty();
  facts.settled = !keeps() || (looked && now - began_ > kSettledAfter);
  if (dumps_ != nullptr && !dumps_->looked()) facts.settled = false;
  senses_.note_archive(std::move(facts));
}

bool ArchiveKeeper::keeps() const {
  return config_.archive.configured() && config_.mode == Mode::Act &&
         !dumps_only(config_, senses_.observation().rights);
}

std::vector<sense::ArchiveTrouble> ArchiveKeeper::complaints() const {
  if (!keeps()) return {};
  const auto receiver = receiver_now(config_);
  return troubles_of(scene(receiver));
}

ArchiveScene ArchiveKeeper::scene(const std::optional<archive::ReceiveStatus>& receiver) const {
  return {view_,     history_, config_.archive, receiver, listing_failure_, slot_.given_up(),
          wall_now()};
}

bool ArchiveKeeper::shares_the_disk() const {
  const auto& archive = config_.archive;
  if (!archive.store.where.starts_with('/') || !archive.offsite.where.empty()) return false;
  const auto store = runtime::inode_of(archive.store.where);
  const auto server = runtime::inode_of(config_.instance.data_dir);
  return store && server && store->device == server->device;
}

std::optional<serve::ArchiveJobNow> ArchiveKeeper::job_now() const {
  if (!running_) return std::nullopt;
  serve::ArchiveJobNow job{std::string(to_string(*running_)), running_since_, {}};
  const auto said = runtime::read_file(progress_file(config_), kProgressBytesMax);
  if (said) job.progress = said->substr(0, said->find('\n'));
  return job;
}

serve::ArchiveFigures ArchiveKeeper::figures() const {
  const auto receiver = receiver_now(config_);
  const auto window = restorable_window(scene(receiver));
  serve::ArchiveFigures figures;
  figures.at = wall_now();
  figures.last_backup_at = view_.newest_at;
  figures.last_proof_at = view_.proven_at;
  figures.restore_took = view_.restore_took;
  if (window) figures.restorable_from = window->from;
  if (window) figures.restorable_until = window->until;
  if (view_.seen) figures.backups = view_.backups;
  if (view_.seen) figures.stored_bytes = view_.stored_bytes;
  figures.job = job_now();
  const auto& seen = senses_.observation();
  if (const auto& interval = seen.sync.unprotected; interval && seen.sync.wanted) {
    figures.unprotected_since = interval->since;
    figures.unprotected_until = interval->until;
  }
  figures.sync_waits_canceled = seen.log_watch.sync_waits_canceled;
  return figures;
}

std::optional<serve::Protection> ArchiveKeeper::protection() const {
  if (!config_.archive.configured()) return std::nullopt;
  serve::Protection protection;
  const auto wrong = complaints();
  protection.ok = wrong.empty() && view_.newest_proven;
  if (!wrong.empty()) protection.note = wrong.front().text;
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
  if (const auto status = receiver_now(config_)) {
    protection.lag_bytes = status->lag_bytes;
    protection.lag = status->lag;
  }
  protection.figures = figures();
  return protection;
}

}  // namespace pgkeel::app
