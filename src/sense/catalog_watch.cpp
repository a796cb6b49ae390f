// See catalog_watch.hpp.
#include "sense/catalog_watch.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "sense/catalog_rows.hpp"
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

// A list a session follows, and what it looked like last.
struct Followed {
  std::string horizon;
  std::string fingerprint;
  int moves = 0;
  SteadyTime listed_at;
};

// One kept session with what the last look saw.
struct Watch {
  std::string database;
  std::optional<Connection> session;
  Followed databases;
  Followed relations;
  int listings_read = 0;
  std::array<std::chrono::microseconds, kCostsKept> costs{};
  std::size_t looks = 0;
};

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
Task<DbResult<bool>> listing_due(Board* board, Watch* watch, Followed* list, std::string horizon,
                                 std::string_view fingerprint_sql) {
  const bool stale = board->loop.now() - list->listed_at > kListingEvery;
  if (!stale && horizon == list->horizon) co_return false;
  list->horizon = std::move(horizon);
  const auto fingerprint = co_await ask(board, watch, fingerprint_sql);
  if (!fingerprint) co_return std::unexpected(fingerprint.error());
  const bool moved = joined(*fingerprint) != list->fingerprint;
  list->fingerprint = joined(*fingerprint);
  if (moved) ++list->moves;
  co_return stale || moved;
}

void note_relations(Board& board, Watch& watch, const Rows& rows) {
  const auto now = board.loop.now();
  auto& listing = board.seen.catalog.listings[watch.database];
  listing.before = listing.at == SteadyTime{} ? now : listing.checked_at;
  listing.at = listing.checked_at = now;
  listing.relations = read_relations(rows);
  listing.truncated = rows.size() > kRelationsMax;
  listing.changes = ++watch.listings_read;
  listing.ddl_changes = watch.relations.moves;
  watch.relations.listed_at = now;
  board.changed.notify_all();
}

Task<DbResult<void>> look_at_relations(Board* board, Watch* watch, std::string horizon) {
  const auto due = co_await listing_due(board, watch, &watch->relations, std::move(horizon),
                                        kRelationsFingerprint);
  if (!due) co_return std::unexpected(due.error());
  auto& listings = board->seen.catalog.listings;
  const auto kept = listings.find(watch->database);
  if (!*due && kept != listings.end()) {
    kept->second.checked_at = board->loop.now();
    co_return DbResult<void>();
  }
  const auto rows = co_await ask(board, watch, kRelations);
  if (!rows) co_return std::unexpected(rows.error());
  note_relations(*board, *watch, *rows);
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

Task<DbResult<void>> look_at_databases(Board* board, Watch* watch, std::string horizon) {
  const auto due = co_await listing_due(board, watch, &watch->databases, std::move(horizon),
                                        kDatabasesFingerprint);
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
  watch->databases.listed_at = board->loop.now();
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
  if (board->server_stops()) watch->session.reset();
  if (watch->session && watch->session->usable()) co_return true;
  watch->session.reset();
  if (!board->server_runs() || board->server_stops() || !board->seen.login.ok()) co_return false;
  auto opened = co_await open_session(board, watch->database, "pgkeel watch");
  if (!opened) co_return false;
  watch->session.emplace(std::move(*opened));
  watch->databases.horizon.clear();
  watch->relations.horizon.clear();
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

Task<DbResult<void>> look_at_database(Board* board, Watch* watch) {
  const auto horizon = co_await ask(board, watch, kHorizon);
  if (!horizon) co_return std::unexpected(horizon.error());
  auto looked = co_await look_at_relations(board, watch, joined(*horizon));
  co_return looked;
}

Task<DbResult<void>> look_at_instance(Board* board, Watch* watch) {
  const auto wrote = co_await write_if_due(board, watch);
  if (!wrote) co_return std::unexpected(wrote.error());
  const auto horizon = co_await ask(board, watch, kHorizon);
  if (!horizon) co_return std::unexpected(horizon.error());
  const auto looked = co_await look_at_databases(board, watch, joined(*horizon));
  if (!looked) co_return std::unexpected(looked.error());
  auto relations = co_await look_at_relations(board, watch, joined(*horizon));
  co_return relations;
}

using Look = Task<DbResult<void>> (*)(Board*, Watch*);

// True when the session is there and the look went through.
Task<bool> look_once(Board* board, Watch* watch, Look look) {
  const auto open = co_await ensure_session(board, watch);
  if (!open) co_return false;
  const auto started = board->loop.now();
  const auto looked = co_await look(board, watch);
  watch->costs.at(watch->looks++ % kCostsKept) =
      std::chrono::duration_cast<std::chrono::microseconds>(board->loop.now() - started);
  if (!looked) drop_session(*board, *watch);
  co_return looked.has_value();
}

Task<void> watch_database(Board* board, std::string database) {
  Watch watch;
  watch.database = std::move(database);
  while (true) {
    static_cast<void>(co_await look_once(board, &watch, look_at_database));
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

void watch_more(Board& board, std::set<std::string>& watched) {
  for (auto& name : databases_to_watch(board)) {
    if (watched.size() >= kWatchedDatabasesMax || !database_exists(board, name)) continue;
    if (watched.insert(name).second) board.loop.spawn(watch_database(&board, name));
  }
}

}  // namespace

Task<void> watch_catalog(Board* board) {
  Watch watch;
  watch.database = board->options.conninfo.database;
  std::set<std::string> watched{watch.database};
  while (true) {
    const auto looked = co_await look_once(board, &watch, look_at_instance);
    if (looked) watch_more(*board, watched);
    co_await board->pause(next_pause(*board, watch));
  }
}

}  // namespace pgkeel::sense
