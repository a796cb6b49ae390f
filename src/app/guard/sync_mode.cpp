// See sync_mode.hpp.
#include "app/guard/sync_mode.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/guard/archive_troubles.hpp"
#include "app/json_read.hpp"
#include "archive/receive/receive.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{1'000};
constexpr Millis kLimit{2'000};
constexpr std::string_view kFact = "archive.unprotected";
constexpr std::string_view kArmedFact = "archive.sync_armed";

// A checkpointer that pauses within a spread checkpoint has read the settings before.
// Who waits is known by process and statement; a hundred of them say as much as a thousand.
constexpr const char* kLook =
    "select current_setting('synchronous_standby_names'), coalesce(r.state = 'streaming', false), "
    "pg_current_wal_flush_lsn(), r.flush_lsn, "
    "array_to_string(array(select pid || '@' || query_start from pg_stat_activity "
    "where wait_event = 'SyncRep' order by query_start limit 100), '|'), "
    "exists(select from pg_stat_activity where backend_type = 'checkpointer' "
    "and wait_event in ('CheckpointerMain', 'CheckpointWriteDelay')) "
    "from (select) here left join pg_stat_replication r on application_name = $1 "
    "order by r.flush_lsn desc nulls last limit 1";

SyncPolicy policy_of(const ArchiveConfig& archive) {
  SyncPolicy policy;
  policy.durability = archive.durability == Durability::Sync ? SyncPolicy::Durability::Sync
                                                             : SyncPolicy::Durability::Async;
  policy.name = archive::kReceiverName;
  policy.degrade_after = archive.sync_on_loss.degrade_after;
  return policy;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// WAL is missing in the archive and no backup from behind it is there yet: what is committed now
// could not be restored, however well it is received.
bool lacks_a_backup(const sense::Observation& seen) {
  return std::ranges::find(seen.archive.troubles, kGapSubject, &sense::ArchiveTrouble::subject) !=
         seen.archive.troubles.end();
}

Result<SyncView> view_of(const client::Rows& rows) {
  SyncView view;
  view.standby_names = rows.text(0, 0).value_or("");
  TRY(streams, rows.boolean(0, 1));
  view.streams = streams;
  TRY(flushed, parse_lsn(rows.text(0, 2).value_or("")));
  view.server_flushed = flushed;
  view.archive_flushed = parse_lsn(rows.text(0, 3).value_or("")).value_or(Lsn{});
  view.waiting = split(rows.text(0, 4).value_or(""), '|');
  TRY(idle, rows.boolean(0, 5));
  view.checkpointer_idle = idle;
  return view;
}

}  // namespace

std::string to_json(const Unprotected& interval) {
  const Json json = {{"since", to_iso8601(interval.since)},
                     {"until", interval.until ? Json(to_iso8601(*interval.until)) : Json()},
                     {"why", interval.why}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Unprotected> parse_unprotected(std::string_view text) {
  const auto json = parse_json(text);
  const auto since = json ? time_of(*json, "since") : std::nullopt;
  if (!since) return std::nullopt;
  return Unprotected{*since, time_of(*json, "until"), text_of(*json, "why")};
}

SyncMode::SyncMode(const Config& config, sense::Senses& senses, SlotKeeper& slot,
                   runtime::Loop& loop, incident::Ledger& ledger,
                   std::optional<runtime::Account> connect_as)
    : config_(config),
      senses_(senses),
      slot_(slot),
      loop_(loop),
      ledger_(ledger),
      connect_as_(std::move(connect_as)),
      policy_(policy_of(config.archive)),
      decision_(policy_),
      protection_(!ledger.fact(kArmedFact).value_or("").empty()) {
  if (const auto fact = ledger_.fact(kFact)) unprotected_ = parse_unprotected(*fact);
  tell();
}

// For diagnosis: an interval is an incident, with its beginning and its end.
void SyncMode::tell() {
  const auto& archive = config_.archive;
  senses_.note_sync({true, archive.configured() && archive.durability == Durability::Sync,
                     only_ours_, unprotected_});
}

Task<void> SyncMode::run() {
  if (!config_.archive.configured() || config_.mode == Mode::Advise) co_return;
  while (true) {
    const auto looked = co_await look();
    const auto failure = looked ? std::string() : looked.error().message();
    if (!failure.empty() && failure != failure_ && config_.archive.durability == Durability::Sync)
      log_warning("sync mode cannot be kept", {{"why", failure}});
    failure_ = failure;
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
  }
}

// A server that is down or in recovery has no commits to protect.
Task<Result<void>> SyncMode::look() {
  if (!connection_ || !connection_->usable()) CO_TRY_VOID(co_await connect());
  CO_TRY(seen, co_await view());
  const auto step = decision_.decide(seen, loop_.now());
  armed_ = names_standby(seen.standby_names, policy_.name);
  foreign_ = step == SyncStep::Foreign;
  note_only_ours(protection_.was_armed() && seen.standby_names == policy_.name);
  if (step != SyncStep::Degrade) note_protection(seen);
  CO_TRY_VOID(co_await act(step));
  const auto commits = armed_ ? SlotKeeper::Commits::Wait : SlotKeeper::Commits::DoNotWait;
  auto looked = co_await slot_.look(&*connection_, commits);
  co_return looked;
}

// Another standby that is named beside ours may acknowledge what ours never had.
void SyncMode::note_only_ours(bool only_ours) {
  if (only_ours == only_ours_) return;
  only_ours_ = only_ours;
  tell();
}

Task<Result<void>> SyncMode::connect() {
  client::ConnectOptions options;
  options.deadline = loop_.after(kLimit);
  options.application_name = "pgkeel sync";
  options.connect_as = connect_as_;
  options.settings = {{"synchronous_commit", "local"},
                      {"statement_timeout", std::to_string(kLimit.count())}};
  auto opened = co_await client::Connection::open(loop_, senses_.conninfo(), std::move(options));
  if (!opened) co_return fail(client::to_error(std::move(opened).error()));
  connection_.emplace(*std::move(opened));
  co_return Result<void>();
}

Task<Result<SyncView>> SyncMode::view() {
  client::Params params{std::string(archive::kReceiverName)};
  auto rows = co_await connection_->query(kLook, std::move(params), loop_.after(kLimit));
  if (!rows) co_return fail(client::to_error(std::move(rows).error()));
  if (rows->empty()) co_return fail(ErrorCode::Query, "the server shows nothing of its standbys");
  CO_TRY(seen, view_of(*rows));
  seen.paused = is_paused(ledger_);
  if (seen.standby_names.empty() && lacks_a_backup(senses_.observation())) seen.streams = false;
  co_return seen;
}

// Emptied by others it was at some moment since the last look; by what happened while no guard was
// there, at a moment nobody knows.
void SyncMode::note_protection(const SyncView& seen) {
  using Change = SyncProtection::Change;
  const bool was_armed = protection_.was_armed();
  const bool unprotected = unprotected_ && !unprotected_->until;
  const auto change = protection_.note(seen, policy_, unprotected);
  if (change == Change::Ends) end_unprotected();
  if (change == Change::Begins)
    begin_unprotected(armed_at_.value_or(wall_now()),
                      "synchronous_standby_names was emptied, and not by the guard");
  if (armed_) armed_at_ = wall_now();
  if (was_armed == protection_.was_armed()) return;
  const auto kept = ledger_.set_fact(kArmedFact, was_armed ? "" : "yes");
  if (!kept) log_error("the ledger cannot be written", {{"why", kept.error().message()}});
}

Task<Result<void>> SyncMode::act(SyncStep step) {
  const std::string name = archive::kReceiverName;
  if (step == SyncStep::Arm) {
    CO_TRY_VOID(
        co_await alter_system("alter system set synchronous_standby_names = '" + name + "'"));
    log_info("commits are to wait for the archive");
  }
  if (step == SyncStep::Degrade) {
    degrade_begins();
    CO_TRY_VOID(co_await alter_system("alter system set synchronous_standby_names = ''"));
  }
  if (step == SyncStep::Disarm) {
    CO_TRY_VOID(co_await alter_system("alter system reset synchronous_standby_names"));
    log_info("commits no longer wait for the archive, as configured");
  }
  co_return Result<void>();
}

// Neither statement writes WAL, so neither could wait for a standby.
Task<Result<void>> SyncMode::alter_system(std::string statement) {
  auto altered = co_await connection_->execute(std::move(statement), loop_.after(kLimit));
  if (!altered) co_return fail(client::to_error(std::move(altered).error()));
  auto reloaded = co_await connection_->execute("select pg_reload_conf()", loop_.after(kLimit));
  if (!reloaded) co_return fail(client::to_error(std::move(reloaded).error()));
  co_return Result<void>();
}

// From the loss on, not from the moment it was accepted: the commits that have been waiting are
// acknowledged now. In the ledger before it happens.
void SyncMode::degrade_begins() {
  const auto lost_for = loop_.now() - decision_.lost_since().value_or(loop_.now());
  begin_unprotected(wall_now() - std::chrono::duration_cast<std::chrono::microseconds>(lost_for),
                    "the archive did not confirm commits");
}

void SyncMode::begin_unprotected(WallTime since, std::string why) {
  if (unprotected_ && !unprotected_->until) return;  // a guard before us began it
  remember({since, std::nullopt, std::move(why)});
  log_error("commits are acknowledged without the archive",
            {{"since", to_iso8601(since)},
             {"why", unprotected_->why},
             {"hint", "'pgkeel status' shows why the receiver does not stream"}});
}

void SyncMode::end_unprotected() {
  if (!unprotected_ || unprotected_->until) return;
  auto interval = *unprotected_;
  interval.until = wall_now();
  log_warning("commits are protected again", {{"unprotected_since", to_iso8601(interval.since)},
                                              {"until", to_iso8601(*interval.until)}});
  remember(interval);
}

void SyncMode::remember(const Unprotected& interval) {
  unprotected_ = interval;
  tell();
  const auto kept = ledger_.set_fact(kFact, to_json(interval));
  if (!kept) log_error("the ledger cannot be written", {{"why", kept.error().message()}});
}

std::string SyncMode::complaint() const {
  const auto& archive = config_.archive;
  if (!archive.configured() || archive.durability != Durability::Sync || armed_) return {};
  if (foreign_)
    return "durability = \"sync\", but synchronous_standby_names is already in use for other "
           "standbys; it is left alone and commits do not wait for the archive";
  if (unprotected_ && !unprotected_->until)
    return fmt::format("commits are acknowledged before they are in the archive, since {}",
                       to_iso8601(unprotected_->since));
  if (is_paused(ledger_)) return "commits do not wait for the archive: the guard is paused";
  if (!failure_.empty()) return "commits do not wait for the archive: " + failure_;
  return "commits do not wait for the archive yet: it is catching up";
}

}  // namespace pgkeel::app
