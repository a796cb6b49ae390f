// See catalog_watch.hpp.
#include "sense/catalog_watch.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::Connection;
using client::DbResult;
using client::Rows;
using runtime::Task;

// A look may cost this share of the time: one part in 500 is 0.2 % of a core. What a look costs is
// taken as the shortest of the last ones, because waiting for a busy processor costs nothing.
constexpr int kWatchShare = 500;
constexpr std::size_t kCostsKept = 8;
constexpr Millis kPauseMax{10'000};
// Sizes and row estimates drift without DDL; the listing is read anew this often.
constexpr Seconds kListingEvery{60};

// Nothing can have been dropped while no transaction id was assigned.
constexpr std::string_view kHorizon = "select pg_snapshot_xmax(pg_current_snapshot())::text";

constexpr std::string_view kDatabasesFingerprint =
    "select count(*), coalesce(sum(hashint8(oid::int8 * 4294967296 + xmin::text::int8)::int8), 0)"
    " from pg_database";
constexpr std::string_view kDatabases =
    "select oid, datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate,"
    " datctype, case when has_database_privilege(oid, 'connect') then pg_database_size(oid) end"
    " from pg_database where not datistemplate and datallowconn"
    " and datname !~ '_pgkeel_new$' order by oid";  // a replacement in the making is nobody's yet

constexpr std::string_view kRelationsFingerprint =
    "select count(*), coalesce(sum(hashint8(oid::int8 * 4294967296 + xmin::text::int8)::int8), 0)"
    " from pg_class where oid >= 16384 and relkind in ('r', 'p', 'S', 'i') and relpersistence <> "
    "'t'";
constexpr std::string_view kRelations =
    "select c.oid, n.nspname, c.relname, case when c.relispartition then 'c' else c.relkind::text "
    "end,"
    " pg_get_userbyid(c.relowner), c.relpages::int8 * current_setting('block_size')::int8,"
    " greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::int8)"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.oid >= 16384 and c.relkind in ('r', 'p') and c.relpersistence <> 't'"
    " and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by c.oid limit 20001";

constexpr std::string_view kWrite =
    "begin; select pg_logical_emit_message(true, 'pgkeel', 'write probe'); commit";
constexpr std::string_view kCollectedLog =
    "select coalesce(pg_current_logfile(), ''), current_setting('data_directory')";

// One kept session with what the last look saw.
struct Watch {
  std::string database;
  std::optional<Connection> session;
  std::string horizon;
  std::string fingerprint;
  int fingerprint_moves = 0;
  int listings_read = 0;
  SteadyTime listed_at;
  std::array<std::chrono::microseconds, kCostsKept> costs{};
  std::size_t looks = 0;
};

Oid read_oid(const Rows& rows, std::size_t row) {
  return Oid{static_cast<std::uint32_t>(rows.int64(row, 0).value_or(0))};
}

std::string read_text(const Rows& rows, std::size_t row, std::size_t column) {
  return std::string(rows.text(row, column).value_or(""));
}

std::vector<Database> read_databases(const Rows& rows) {
  std::vector<Database> databases;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Database database;
    database.oid = read_oid(rows, row);
    database.name = read_text(rows, row, 1);
    database.owner = read_text(rows, row, 2);
    database.encoding = read_text(rows, row, 3);
    database.collate = read_text(rows, row, 4);
    database.ctype = read_text(rows, row, 5);
    database.size_bytes = rows.int64(row, 6).value_or(0);
    databases.push_back(std::move(database));
  }
  return databases;
}

std::vector<Relation> read_relations(const Rows& rows) {
  std::vector<Relation> relations;
  for (std::size_t row = 0; row < std::min(rows.size(), kRelationsMax); ++row) {
    Relation relation;
    relation.oid = read_oid(rows, row);
    relation.schema = read_text(rows, row, 1);
    relation.name = read_text(rows, row, 2);
    relation.kind = rows.text(row, 3).value_or("r").front();
    relation.owner = read_text(rows, row, 4);
    relation.size_bytes = rows.int64(row, 5).value_or(0);
    relation.rows_estimate = std::max<std::int64_t>(rows.int64(row, 6).value_or(0), 0);
    relations.push_back(std::move(relation));
  }
  return relations;
}

Task<DbResult<Rows>> ask(Board* board, Watch* watch, std::string_view sql) {
  auto rows = co_await watch->session->query(std::string(sql), {},
                                             board->loop.after(board->options.timeout));
  co_return rows;
}

std::string joined(const Rows& rows) {
  return rows.size() == 1 ? fmt::format("{}/{}", rows.text(0, 0).value_or(""),
                                        rows.columns() > 1 ? rows.text(0, 1).value_or("") : "")
                          : std::string();
}

// True when the listing has to be read: never yet, too old, or the fingerprint moved.
Task<DbResult<bool>> listing_due(Board* board, Watch* watch, std::string_view fingerprint_sql) {
  const auto horizon = co_await ask(board, watch, kHorizon);
  if (!horizon) co_return std::unexpected(horizon.error());
  const bool stale = board->loop.now() - watch->listed_at > kListingEvery;
  if (!stale && joined(*horizon) == watch->horizon) co_return false;
  watch->horizon = joined(*horizon);
  const auto fingerprint = co_await ask(board, watch, fingerprint_sql);
  if (!fingerprint) co_return std::unexpected(fingerprint.error());
  const bool moved = joined(*fingerprint) != watch->fingerprint;
  watch->fingerprint = joined(*fingerprint);
  if (moved) ++watch->fingerprint_moves;
  co_return stale || moved;
}

Task<DbResult<void>> look_at_relations(Board* board, Watch* watch) {
  const auto due = co_await listing_due(board, watch, kRelationsFingerprint);
  if (!due) co_return std::unexpected(due.error());
  auto& listings = board->seen.catalog.listings;
  const auto kept = listings.find(watch->database);
  if (!*due && kept != listings.end()) {
    kept->second.checked_at = board->loop.now();
    co_return DbResult<void>();
  }
  const auto rows = co_await ask(board, watch, kRelations);
  if (!rows) co_return std::unexpected(rows.error());
  const auto now = board->loop.now();
  auto& listing = listings[watch->database];
  listing.before = listing.at == SteadyTime{} ? now : listing.checked_at;
  listing.at = listing.checked_at = now;
  listing.relations = read_relations(*rows);
  listing.truncated = rows->size() > kRelationsMax;
  listing.changes = ++watch->listings_read;
  listing.ddl_changes = watch->fingerprint_moves;
  watch->listed_at = now;
  board->changed.notify_all();
  co_return DbResult<void>();
}

// A listing belongs to a database, not to its name: it goes when the database does.
void forget_listings_of_lost(CatalogFacts& catalog, const std::vector<Database>& now) {
  std::erase_if(catalog.listings, [&](const auto& listing) {
    const auto before = std::ranges::find(catalog.databases, listing.first, &Database::name);
    const auto after = std::ranges::find(now, listing.first, &Database::name);
    return before == catalog.databases.end() || after == now.end() || before->oid != after->oid;
  });
}

Task<DbResult<void>> look_at_databases(Board* board, Watch* watch) {
  const auto due = co_await listing_due(board, watch, kDatabasesFingerprint);
  if (!due) co_return std::unexpected(due.error());
  auto& catalog = board->seen.catalog;
  const auto last = catalog.at;
  catalog.at = board->loop.now();
  if (!*due) co_return DbResult<void>();
  const auto rows = co_await ask(board, watch, kDatabases);
  if (!rows) co_return std::unexpected(rows.error());
  catalog.before = catalog.seen ? last : catalog.at;
  auto databases = read_databases(*rows);
  forget_listings_of_lost(catalog, databases);
  catalog.databases = std::move(databases);
  catalog.seen = true;
  watch->listed_at = board->loop.now();
  board->changed.notify_all();
  co_return DbResult<void>();
}

Task<DbResult<void>> write_if_due(Board* board, Watch* watch) {
  auto& write = board->seen.write;
  const auto started = board->loop.now();
  const bool due = !write.ok() || started - write.at >= board->options.write_every;
  if (!due || board->seen.login.in_recovery) co_return DbResult<void>();
  const auto rows =
      co_await watch->session->execute(std::string(kWrite), started + board->options.timeout);
  if (!rows) {
    note_probe(*board, write, probe_result_of(rows.error()), started,
               std::string(rows.error().sqlstate()), rows.error().error.detail);
    co_return std::unexpected(rows.error());
  }
  note_probe(*board, write, ProbeResult::Ok, started);
  const auto log = co_await ask(board, watch, kCollectedLog);  // refused to plain roles: no matter
  if (log && log->size() == 1 && !read_text(*log, 0, 0).empty())
    board->collected_log = std::filesystem::path(read_text(*log, 0, 1)) / read_text(*log, 0, 0);
  co_return DbResult<void>();
}

// Opens the session when there is none. False: not now.
Task<bool> ensure_session(Board* board, Watch* watch) {
  if (board->server_stops) watch->session.reset();
  if (watch->session && watch->session->usable()) co_return true;
  watch->session.reset();
  if (!board->server_runs() || board->server_stops || !board->seen.login.ok()) co_return false;
  auto opened = co_await open_session(board, watch->database, "pgkeel watch");
  if (!opened) co_return false;
  watch->session.emplace(std::move(*opened));
  watch->horizon.clear();
  co_return true;
}

// A broken session is the earliest sign of trouble: everybody looks at once.
void drop_session(Board& board, Watch& watch) {
  watch.session.reset();
  board.poked.notify_all();
}

Millis next_pause(const Board& board, const Watch& watch) {
  if (!watch.session) return board.options.in_doubt;
  const auto cost = *std::ranges::min_element(watch.costs);
  const auto share = std::chrono::duration_cast<Millis>(cost * kWatchShare);
  return std::clamp(share, board.options.watch_every, kPauseMax);
}

bool database_exists(const Board& board, const std::string& name) {
  const auto& databases = board.seen.catalog.databases;
  return std::ranges::find(databases, name, &Database::name) != databases.end();
}

Task<void> watch_relations(Board* board, std::string database) {
  Watch watch;
  watch.database = std::move(database);
  while (true) {
    const auto open = co_await ensure_session(board, &watch);
    if (open) {
      const auto started = board->loop.now();
      const auto looked = co_await look_at_relations(board, &watch);
      watch.costs.at(watch.looks++ % kCostsKept) =
          std::chrono::duration_cast<std::chrono::microseconds>(board->loop.now() - started);
      if (!looked) drop_session(*board, watch);
    }
    co_await board->pause(next_pause(*board, watch));
    if (watch.session && !database_exists(*board, watch.database)) watch.session.reset();
  }
}

// The configured ones first, then whatever else exists, as far as there is room.
std::vector<std::string> databases_to_watch(const Board& board) {
  auto names = board.options.watched_databases;
  for (const auto& database : board.seen.catalog.databases)
    if (std::ranges::find(names, database.name) == names.end()) names.push_back(database.name);
  if (names.size() > kWatchedDatabasesMax) names.resize(kWatchedDatabasesMax);
  return names;
}

Task<DbResult<void>> look_at_instance(Board* board, Watch* watch) {
  const auto wrote = co_await write_if_due(board, watch);
  if (!wrote) co_return std::unexpected(wrote.error());
  auto looked = co_await look_at_databases(board, watch);
  co_return looked;
}

}  // namespace

Task<void> watch_catalog(Board* board) {
  std::set<std::string> watched;
  Watch watch;
  watch.database = board->options.conninfo.database;
  while (true) {
    const auto open = co_await ensure_session(board, &watch);
    if (open) {
      const auto looked = co_await look_at_instance(board, &watch);
      if (!looked) drop_session(*board, watch);
      for (auto& name : databases_to_watch(*board)) {
        if (watched.size() >= kWatchedDatabasesMax || !database_exists(*board, name)) continue;
        if (watched.insert(name).second) board->loop.spawn(watch_relations(board, name));
      }
    }
    co_await board->pause(next_pause(*board, watch));
  }
}

}  // namespace pgkeel::sense
