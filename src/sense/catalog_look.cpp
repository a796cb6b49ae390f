// See catalog_look.hpp.
#include "sense/catalog_look.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sense/catalog_rows.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::DbResult;
using client::Rows;
using runtime::Task;

Task<DbResult<Rows>> ask(Board* board, Watch* watch, std::string_view sql) {
  auto rows = co_await watch->session->query(std::string(sql), {},
                                             board->loop.after(board->options.timeout));
  co_return rows;
}

// Where the statement is not the session's after all, as behind some poolers, it is asked as text
// from then on.
Task<DbResult<Rows>> ask_horizon(Board* board, Watch* watch) {
  if (watch->prepared) {
    auto rows = co_await watch->session->query_prepared(std::string(kHorizonName), {},
                                                        board->loop.after(board->options.timeout));
    if (rows || !watch->session->usable()) co_return rows;
    watch->prepared = false;
  }
  auto rows = co_await ask(board, watch, kHorizon);
  co_return rows;
}

std::string joined(const Rows& rows) {
  return rows.size() == 1 ? fmt::format("{}/{}", rows.text(0, 0).value_or(""),
                                        rows.columns() > 1 ? rows.text(0, 1).value_or("") : "")
                          : std::string();
}

// Two looks ago: the last look still saw what is gone now, and may have seen it for as long as its
// end, already written, was being made durable. A guard that has only looked twice takes that risk.
Position position_before(const Watch& watch) {
  const auto& positions = watch.positions;
  return positions.back().lsn.valid() ? positions.back() : positions.at(1);
}

template <class Row>
void note_gone(Board& board, const std::vector<Row>& before, const std::vector<Row>& after,
               const Position& position, LastPositions& gone) {
  constexpr Seconds kMissedFor{60};  // an app asks again within that
  std::set<Oid> present;
  for (const auto& row : after) present.insert(row.oid);
  for (const auto& row : before) {
    if (present.contains(row.oid)) continue;
    if (gone.size() >= kLastPositionsKept) gone.erase(gone.begin());
    gone.insert_or_assign(row.oid.value, position);
    board.missed_until = board.loop.now() + kMissedFor;
  }
}

// A table keeps its oid when its schema gets another name. What is called so again is forgotten.
void note_renamed(const std::vector<Relation>& before, RelationListing& listing) {
  if (listing.schemas.empty()) return;
  std::map<Oid, const Relation*> former;
  for (const auto& row : before) former[row.oid] = &row;
  const std::set<std::string> schemas(listing.schemas.begin(), listing.schemas.end());
  for (const auto& row : listing.relations) {
    const auto found = former.find(row.oid);
    if (found == former.end() || found->second->schema == row.schema) continue;
    if (listing.renamed_schemas.size() < kRenamedSchemasKept)
      listing.renamed_schemas.insert(found->second->schema);
  }
  std::erase_if(listing.renamed_schemas, [&](const auto& name) { return schemas.contains(name); });
}

// Too few rows came and went since they were counted for any table to have lost most of its own.
bool counts_moved(const Counting& counting) {
  return std::abs(*counting.churn - counting.counted_churn) >= kMassDeletedMin;
}

void take_position(Watch& watch, const Position& position) {
  std::ranges::rotate(watch.positions, watch.positions.end() - 1);
  watch.positions.front() = position;
  watch.rows.remember(position);
  if (watch.counting.churn && !counts_moved(watch.counting)) watch.rows.note_still(position);
}

std::string take_horizon(Board& board, Watch& watch, const Rows& rows) {
  const auto lsn = rows.size() == 1 ? parse_lsn(rows.text(0, 1).value_or("")) : Result<Lsn>(Lsn());
  watch.counting.churn.reset();
  if (rows.size() == 1 && rows.columns() > 2) watch.counting.churn = rows.int64(0, 2).value_or(0);
  const Position position{board.loop.now(), lsn.value_or(Lsn())};
  take_position(watch, position);
  if (position.lsn.valid()) board.seen.catalog.wal = position;
  return rows.size() == 1 ? std::string(rows.text(0, 0).value_or("")) : std::string();
}

// True when the listing has to be read: never yet, too old, or the fingerprint moved.
Task<DbResult<bool>> listing_due(Board* board, Watch* watch, Followed* list, std::string horizon,
                                 std::string_view fingerprint_sql) {
  const bool stale = board->loop.now() - list->listed_at > watch->listing_every;
  if (!stale && horizon == list->horizon) co_return false;
  list->horizon = std::move(horizon);
  const auto fingerprint = co_await ask(board, watch, fingerprint_sql);
  if (!fingerprint) co_return std::unexpected(fingerprint.error());
  const bool moved = joined(*fingerprint) != list->fingerprint;
  list->fingerprint = joined(*fingerprint);
  if (moved) ++list->moves;
  co_return stale || moved;
}

void note_losses(Board& board, Watch& watch, std::vector<RowLoss> losses) {
  auto& kept = board.seen.catalog.listings[watch.database].row_losses;
  for (auto& loss : losses) {
    if (kept.size() >= kRowLossesKept) kept.erase(kept.begin());
    kept.insert_or_assign(loss.oid.value, loss);
  }
  if (!losses.empty()) board.changed.notify_all();
}

constexpr Seconds kStatisticsLate{2};  // before 15 they pass through another process

// One part in a thousand of the time, at most, goes into counting. What it costs is taken as the
// shortest of the last ones, because waiting for a busy processor costs nothing.
void note_counted(Board& board, Watch& watch, SteadyTime started,
                  const std::vector<RowCount>& counts) {
  constexpr int kCountShare = 1'000;
  constexpr Millis kCountEvery{400};
  constexpr Seconds kCountEveryWhereDear{5};
  auto& counting = watch.counting;
  const auto now = board.loop.now();
  counting.costs.at(counting.counts++ % kCostsKept) =
      std::chrono::duration_cast<std::chrono::microseconds>(now - started);
  const auto cost = *std::ranges::min_element(counting.costs);
  const auto rest = std::chrono::duration_cast<Millis>(cost * kCountShare);
  const Millis least = counting.churn ? kCountEvery : Millis(kCountEveryWhereDear);
  counting.not_before = now + std::max(rest, least);
  counting.counted_churn = counting.churn.value_or(0);
  counting.moved = !counting.churn && now - counting.moved_at < kStatisticsLate;
  board.seen.catalog.listings[watch.database].counted_at = now;
  note_losses(board, watch, watch.rows.look(counts, position_before(watch), now));
}

struct Migrations {
  std::string table;  ///< empty: none is kept here
  bool written = false;
};

// Who may not read it, for whatever reason, does not know.
Task<DbResult<Migrations>> look_at_migrations(Board* board, Watch* watch,
                                              std::vector<Relation> relations) {
  auto tables = migration_tables(relations);
  Migrations found;
  std::map<std::string, std::string> writes;
  if (!tables.empty()) {
    found.table = tables.front()->qualified();
    const auto locked = co_await ask(board, watch, locked_among(tables));
    if (!locked) co_return std::unexpected(locked.error());
    for (std::size_t row = 0; row < locked->size(); ++row) {
      const auto oid = read_text(*locked, row, 0);
      writes[oid] = "is being written";
      std::erase_if(tables, [&](const auto* one) { return to_string(one->oid) == oid; });
    }
  }
  if (!tables.empty()) {
    const auto rows = co_await ask(board, watch, writes_of(tables));
    if (!rows && !watch->session->usable()) co_return std::unexpected(rows.error());
    if (!rows) co_return found;
    for (std::size_t row = 0; row < rows->size(); ++row)
      writes[read_text(*rows, row, 0)] = read_text(*rows, row, 1);
  }
  found.written = watch->migrations.look(writes);
  co_return found;
}

void note_migrations(Board& board, const Watch& watch, const Migrations& found) {
  auto& listing = board.seen.catalog.listings[watch.database];
  listing.migrations = found.table;
  if (found.written) listing.migrated_at = board.loop.now();
}

// Said once, by what was written up to then: another migration says nothing of what went before.
void note_migrated(const std::vector<Relation>& before, RelationListing& listing) {
  constexpr Seconds kMigrationLasts{600};  // issue 8
  if (listing.migrated_at == SteadyTime{} || listing.at - listing.migrated_at > kMigrationLasts)
    return;
  std::set<Oid> present;
  for (const auto& row : listing.relations) present.insert(row.oid);
  for (const auto& row : before)
    if (!present.contains(row.oid) && listing.migrated.size() < kLastPositionsKept)
      listing.migrated.insert(row.oid.value);
}

void note_relations(Board& board, Watch& watch, const Rows& rows, const Rows& schemas) {
  const auto now = board.loop.now();
  auto& listing = board.seen.catalog.listings[watch.database];
  listing.before = listing.at == SteadyTime{} ? now : listing.checked_at;
  listing.at = listing.checked_at = now;
  auto relations = read_relations(rows);
  note_gone(board, listing.relations, relations, position_before(watch), listing.gone);
  const auto former = std::exchange(listing.relations, std::move(relations));
  listing.truncated = rows.size() > kRelationsMax;
  listing.schemas = read_schemas(schemas);
  note_renamed(former, listing);
  note_migrated(former, listing);
  listing.changes = ++watch.listings_read;
  listing.ddl_changes = watch.relations.moves;
  watch.relations.listed_at = now;
  board.changed.notify_all();
}

// A table whose file was replaced is empty, or it was only rewritten: asked until it is known.
Task<DbResult<void>> measure_suspects(Board* board, Watch* watch) {
  const auto suspects = watch->rows.suspects();
  if (suspects.empty()) co_return DbResult<void>();
  const auto rows = co_await ask(board, watch, sizes_of(suspects));
  if (!rows) co_return std::unexpected(rows.error());
  std::vector<RowLoss> losses;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const Oid oid{static_cast<std::uint32_t>(rows->int64(row, 0).value_or(0))};
    const auto bytes = rows->int64(row, 1).value_or(-1);
    if (const auto loss = watch->rows.measured(oid, bytes, board->loop.now()))
      losses.push_back(*loss);
  }
  note_losses(*board, *watch, std::move(losses));
  co_return DbResult<void>();
}

// Where only a transaction is known of, its statistics are waited for.
void note_moved(const Board& board, Counting& counting) {
  counting.moved_at = board.loop.now();
  if (counting.moved) return;
  counting.moved = true;
  if (!counting.churn)
    counting.not_before = std::max(counting.not_before, board.loop.after(kStatisticsLate));
}

bool count_due(const Board& board, const Watch& watch) {
  const auto& counting = watch.counting;
  if (board.loop.now() < counting.not_before || board.seen.login.in_recovery) return false;
  if (watch.rows.awaits_statistics()) return true;
  if (!counting.churn) return counting.moved;
  return counts_moved(counting);
}

Task<DbResult<void>> count_rows(Board* board, Watch* watch) {
  const auto started = board->loop.now();
  const auto rows = co_await ask(board, watch, kCounts);
  if (!rows) co_return std::unexpected(rows.error());
  const auto counts = counts_in(*rows);
  auto& listing = board->seen.catalog.listings[watch->database];
  std::map<std::uint32_t, std::int64_t> live;
  for (const auto& count : counts) live[count.oid.value] = count.live;
  for (auto& relation : listing.relations)
    if (const auto found = live.find(relation.oid.value); found != live.end())
      relation.live_rows = found->second;
  note_counted(*board, *watch, started, counts);
  co_return DbResult<void>();
}

Task<DbResult<void>> list_relations(Board* board, Watch* watch) {
  const auto started = board->loop.now();
  const auto rows = co_await ask(board, watch, kRelations);
  if (!rows) co_return std::unexpected(rows.error());
  const auto schemas = co_await ask(board, watch, kSchemas);
  if (!schemas) co_return std::unexpected(schemas.error());
  const auto migrations = co_await look_at_migrations(board, watch, read_relations(*rows));
  if (!migrations) co_return std::unexpected(migrations.error());
  note_migrations(*board, *watch, *migrations);
  note_relations(*board, *watch, *rows, *schemas);
  note_counted(*board, *watch, started, counts_in_relations(*rows));
  co_return DbResult<void>();
}

Task<DbResult<void>> look_at_relations(Board* board, Watch* watch, std::string horizon) {
  if (horizon != watch->relations.horizon) note_moved(*board, watch->counting);
  const auto due = co_await listing_due(board, watch, &watch->relations, std::move(horizon),
                                        kRelationsFingerprint);
  if (!due) co_return std::unexpected(due.error());
  auto& listings = board->seen.catalog.listings;
  const auto kept = listings.find(watch->database);
  if (!*due && kept != listings.end()) {
    kept->second.checked_at = board->loop.now();
  } else {
    const auto listed = co_await list_relations(board, watch);
    if (!listed) co_return std::unexpected(listed.error());
  }
  if (count_due(*board, *watch)) {
    const auto counted = co_await count_rows(board, watch);
    if (!counted) co_return std::unexpected(counted.error());
  }
  auto measured = co_await measure_suspects(board, watch);
  co_return measured;
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
  if (!*due && catalog.seen) co_return DbResult<void>();
  const auto rows = co_await ask(board, watch, kDatabases);
  if (!rows) co_return std::unexpected(rows.error());
  catalog.before = catalog.seen ? last : catalog.at;
  auto databases = read_databases(*rows);
  forget_listings_of_lost(catalog, databases);
  note_gone(*board, catalog.databases, databases, position_before(*watch), catalog.gone);
  catalog.databases = std::move(databases);
  catalog.seen = true;
  watch->databases.listed_at = board->loop.now();
  board->changed.notify_all();
  co_return DbResult<void>();
}

}  // namespace

void forget_another_cluster(const Board& board, Watch& watch) {
  if (watch.cluster.valid() && watch.cluster != board.cluster) {
    watch.databases = {};
    watch.relations = {};
    watch.positions = {};
    watch.rows = {};
    watch.migrations = {};
    watch.counting = {};
  }
  watch.cluster = board.cluster;
}

bool knows_all(const Watch& watch) {
  const bool counted = watch.counting.churn ? !counts_moved(watch.counting) : !watch.counting.moved;
  return counted && watch.rows.suspects().empty() && !watch.rows.awaits_statistics();
}

// Looks that follow each other at once are one: what was two looks ago is to be well before.
void note_nothing_new(Board& board, Watch& watch, const Position& position) {
  if (position.at - watch.positions.front().at >= board.options.watch_every / 2)
    take_position(watch, position);
  auto& listings = board.seen.catalog.listings;
  if (const auto kept = listings.find(watch.database); kept != listings.end())
    kept->second.checked_at = board.loop.now();
}

bool database_exists(const Board& board, const Watch& watch) {
  const auto& databases = board.seen.catalog.databases;
  return std::ranges::find(databases, watch.database, &Database::name) != databases.end();
}

Task<DbResult<void>> write_if_due(Board* board, Watch* watch) {
  auto& write = board->seen.write;
  const auto started = board->loop.now();
  const auto every = board->options.write_every;
  const bool due = every > Millis{0} && (!write.ok() || started - write.at >= every);
  if (!due || board->seen.login.in_recovery) co_return DbResult<void>();
  const auto rows =
      co_await watch->session->execute(std::string(kWrite), started + board->options.timeout);
  if (!rows) {
    note_probe(*board, write, probe_result_of(rows.error()), started,
               std::string(rows.error().sqlstate()), rows.error().error.detail);
    co_return std::unexpected(rows.error());
  }
  note_probe(*board, write, ProbeResult::Ok, started);
  if (!board->seen.reach.sees_files) co_return DbResult<void>();
  const auto log = co_await ask(board, watch, kCollectedLog);  // refused to plain roles: no matter
  if (log && log->size() == 1 && !read_text(*log, 0, 0).empty())
    board->collected_log = std::filesystem::path(read_text(*log, 0, 1)) / read_text(*log, 0, 0);
  co_return DbResult<void>();
}

Task<void> prepare_looks(Board* board, Watch* watch) {
  auto horizon = std::string(kHorizon);
  if (board->seen.login.server_version >= kCheapStatistics) {
    const auto own = co_await ask(board, watch, kOwnDatabase);
    if (own && own->size() == 1)
      horizon = horizon_with_churn(Oid{static_cast<std::uint32_t>(own->int64(0, 0).value_or(0))});
  }
  const auto prepared = co_await watch->session->prepare(
      std::string(kHorizonName), std::move(horizon), board->loop.after(board->options.timeout));
  watch->prepared = prepared.has_value();
  watch->activity_prepared.reset();
}

Task<DbResult<void>> look_at_database(Board* board, Watch* watch) {
  const auto horizon = co_await ask_horizon(board, watch);
  if (!horizon) co_return std::unexpected(horizon.error());
  auto looked = co_await look_at_relations(board, watch, take_horizon(*board, *watch, *horizon));
  co_return looked;
}

Task<DbResult<void>> look_at_catalog(Board* board, Watch* watch) {
  const auto horizon = co_await ask_horizon(board, watch);
  if (!horizon) co_return std::unexpected(horizon.error());
  const auto newest = take_horizon(*board, *watch, *horizon);
  const auto looked = co_await look_at_databases(board, watch, newest);
  if (!looked) co_return std::unexpected(looked.error());
  auto relations = co_await look_at_relations(board, watch, newest);
  co_return relations;
}

}  // namespace pgkeel::sense
