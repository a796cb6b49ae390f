// See slot_keeper.hpp.
#include "app/guard/slot_keeper.hpp"

#include <fmt/format.h>

#include "app/guard/slot_limit.hpp"
#include "app/json_read.hpp"
#include "archive/receive/receive.hpp"
#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kLookEvery{5};
constexpr Millis kLimit{2'000};
constexpr std::string_view kFact = "archive.slot_given_up";

constexpr const char* kSetting =
    "select setting = '-1', source from pg_settings where name = 'max_slot_wal_keep_size'";

// What this slot alone keeps: up to the last checkpoint, the oldest other slot and wal_keep_size.
constexpr const char* kSlot =
    "select s.restart_lsn, pg_current_wal_lsn(), s.active, "
    "greatest(0, least(pg_wal_lsn_diff(least(c.redo_lsn, others.oldest), s.restart_lsn), "
    "pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) "
    "- pg_size_bytes(current_setting('wal_keep_size'))))::int8 "
    "from pg_replication_slots s cross join pg_control_checkpoint() c cross join "
    "(select min(restart_lsn) oldest from pg_replication_slots where slot_name <> $1) others "
    "where s.slot_name = $1 and s.slot_type = 'physical' and s.restart_lsn is not null";

// Nothing when the receiver has come back, or got on, since it was judged.
constexpr const char* kDrop =
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
    "where slot_name = $1 and not active and restart_lsn = $2::pg_lsn";

}  // namespace

bool is_paused(incident::Ledger& ledger) {
  return !ledger.fact("paused_until").value_or("").empty();
}

std::string to_json(const SlotGivenUp& given_up) {
  return to_line({{"at", to_iso8601(given_up.at)},
                  {"from", to_string(given_up.from)},
                  {"server", to_string(given_up.server)}});
}

std::optional<SlotGivenUp> parse_slot_given_up(std::string_view text) {
  const auto json = parse_json(text);
  const auto at = json ? time_of(*json, "at") : std::nullopt;
  if (!at) return std::nullopt;
  return SlotGivenUp{*at, parse_lsn(text_of(*json, "from")).value_or(Lsn()),
                     parse_lsn(text_of(*json, "server")).value_or(Lsn())};
}

SlotKeeper::SlotKeeper(const Config& config, const instance::Instance& instance,
                       runtime::Loop& loop, incident::Ledger& ledger)
    : config_(config), instance_(instance), loop_(loop), ledger_(ledger) {
  if (const auto fact = ledger_.fact(kFact)) given_up_ = parse_slot_given_up(*fact);
}

Task<Result<void>> SlotKeeper::look(client::Connection* connection, Commits commits) {
  if (loop_.now() < next_look_) co_return Result<void>();
  next_look_ = loop_.after(kLookEvery);
  CO_TRY_VOID(co_await limit(connection));
  auto judged = co_await judge(connection, commits);
  co_return judged;
}

// Only a server of ours, and only while nobody has said otherwise: a value that is written down,
// "-1" too, is the operator's.
Task<Result<void>> SlotKeeper::limit(client::Connection* connection) {
  client::Params none{};
  auto setting = co_await connection->query(kSetting, std::move(none), loop_.after(kLimit));
  if (!setting) co_return fail(client::to_error(std::move(setting).error()));
  unlimited_ = !setting->empty() && setting->boolean(0, 0).value_or(false);
  const bool ours = config_.instance.kind == instance::Kind::Embedded;
  const bool untouched = !setting->empty() && setting->text(0, 1) == "default";
  if (!unlimited_ || !ours || !untouched || is_paused(ledger_)) co_return Result<void>();
  const auto disk = wal_disk();
  const auto statement =
      slot_limit_statement(disk ? std::optional(disk->bytes_total) : std::nullopt);
  auto altered = co_await connection->execute(statement, loop_.after(kLimit));
  if (!altered) co_return fail(client::to_error(std::move(altered).error()));
  auto reloaded = co_await connection->execute("select pg_reload_conf()", loop_.after(kLimit));
  if (!reloaded) co_return fail(client::to_error(std::move(reloaded).error()));
  log_info("the receiver's slot is limited, so that it cannot fill the server's disk",
           {{"statement", statement}});
  co_return Result<void>();
}

Task<Result<void>> SlotKeeper::judge(client::Connection* connection, Commits commits) {
  const auto disk = wal_disk();
  if (!disk || !nearly_full(*disk) || is_paused(ledger_)) {
    decision_.all_is_well();
    co_return Result<void>();
  }
  CO_TRY(seen, co_await view(connection));
  if (!seen) {
    decision_.all_is_well();
    co_return Result<void>();
  }
  seen->disk = *disk;
  seen->commits_wait = commits == Commits::Wait;
  if (!decision_.give_up(*seen, loop_.now())) co_return Result<void>();
  auto given_up = co_await give_up(connection, *seen);
  co_return given_up;
}

Task<Result<std::optional<SlotView>>> SlotKeeper::view(client::Connection* connection) {
  client::Params params{std::string(archive::kReceiverName)};
  auto rows = co_await connection->query(kSlot, std::move(params), loop_.after(kLimit));
  if (!rows) co_return fail(client::to_error(std::move(rows).error()));
  if (rows->empty()) co_return std::optional<SlotView>();
  SlotView view;
  CO_TRY(held_from, parse_lsn(rows->text(0, 0).value_or("")));
  CO_TRY(server, parse_lsn(rows->text(0, 1).value_or("")));
  CO_TRY(active, rows->boolean(0, 2));
  CO_TRY(freeable, rows->int64(0, 3));
  view.held_from = held_from;
  view.server = server;
  view.active = active;
  view.freeable_bytes = static_cast<std::uint64_t>(freeable);
  co_return std::optional(view);
}

// A guard that dies in here has at worst said it of a slot that is still there: the next one makes
// a backup too many, and judges the slot anew.
Task<Result<void>> SlotKeeper::give_up(client::Connection* connection, SlotView view) {
  const auto before = given_up_;
  CO_TRY_VOID(remember(SlotGivenUp{wall_now(), view.held_from, view.server}));
  fault_point("slot.journaled");
  log_error("the receiver's slot is given up: the server's disk is nearly full",
            {{"free", format_size(view.disk.bytes_free)},
             {"held_back", format_size(view.freeable_bytes)},
             {"from", to_string(view.held_from)},
             {"hint", "the WAL since then may be lost for the archive; a new backup follows"}});
  client::Params params{std::string(archive::kReceiverName), to_string(view.held_from)};
  auto dropped = co_await connection->query(kDrop, std::move(params), loop_.after(kLimit));
  if (!dropped && !surely_kept(dropped.error().sqlstate()))
    co_return fail(client::to_error(std::move(dropped).error()));
  decision_.all_is_well();
  if (!dropped || dropped->empty()) {
    log_info("the receiver's slot is kept after all: it is in use again");
    co_return remember(before);
  }
  // What it held is removed by the next checkpoint, which may be far. It goes on without us.
  static_cast<void>(co_await connection->execute("checkpoint", loop_.after(kLimit)));
  co_return Result<void>();
}

// A link leads elsewhere seen from the host than from within a container.
std::optional<WalDisk> SlotKeeper::wal_disk() const {
  if (!instance_.capabilities().sees_files) return std::nullopt;
  const auto wal = instance_.data_dir() / "pg_wal";
  std::error_code error;
  const bool linked = std::filesystem::is_symlink(wal, error);
  if (error || (linked && config_.instance.kind == instance::Kind::Container)) return std::nullopt;
  const auto space = runtime::disk_space(wal);
  if (!space) return std::nullopt;
  return WalDisk{space->bytes_total, space->bytes_free};
}

Result<void> SlotKeeper::remember(std::optional<SlotGivenUp> given_up) {
  TRY_VOID(ledger_.set_fact(kFact, given_up ? to_json(*given_up) : std::string()));
  given_up_ = given_up;
  return {};
}

std::string SlotKeeper::advice() const {
  if (!unlimited_) return {};
  const auto disk = wal_disk();
  return slot_limit_statement(disk ? std::optional(disk->bytes_total) : std::nullopt) +
         "; select pg_reload_conf();";
}

}  // namespace pgkeel::app
