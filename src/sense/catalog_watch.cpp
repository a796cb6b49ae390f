// See catalog_watch.hpp.
#include "sense/catalog_watch.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "sense/activity_look.hpp"
#include "sense/catalog_look.hpp"
#include "sense/pulse.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::DbResult;
using runtime::Task;

// A look may cost this share of the time: one part in 500 is 0.2 % of a core. What a look costs is
// taken as the shortest of the last ones, because waiting for a busy processor costs nothing.
constexpr int kWatchShare = 500;
constexpr Millis kPauseMin{10};
constexpr Millis kPauseMax{10'000};

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
  co_await prepare_looks(board, watch);
  co_return watch->session->usable();
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

// A look inside that is due does not wait for the next look at the catalog: on a busy machine,
// where looks seem dear, what needs two of them would come late.
Millis instance_pause(const Board& board, const Watch& watch) {
  const auto pause = next_pause(board, watch);
  if (!watch.session) return pause;
  return std::min(pause, std::max(activity_due_in(board, watch), kPauseMin));
}

Task<DbResult<void>> look_at_instance(Board* board, Watch* watch) {
  const auto wrote = co_await write_if_due(board, watch);
  if (!wrote) co_return std::unexpected(wrote.error());
  auto looked = co_await look_at_catalog(board, watch);
  if (looked && activity_due_in(*board, *watch) == Millis{0})
    co_await look_at_activity(board, watch);
  co_return looked;
}

using Look = Task<DbResult<void>> (*)(Board*, Watch*);

// True when the session is there and the look went through.
Task<bool> look_once(Board* board, Watch* watch, Look look) {
  const auto open = co_await ensure_session(board, watch);
  if (!open) co_return false;
  forget_another_cluster(*board, *watch);
  const auto started = board->loop.now();
  const auto looked = co_await look(board, watch);
  watch->costs.at(watch->looks++ % kCostsKept) =
      std::chrono::duration_cast<std::chrono::microseconds>(board->loop.now() - started);
  if (!looked) drop_session(*board, *watch);
  co_return looked.has_value();
}

Task<void> watch_database(Board* board, Pulse* pulse, std::string database) {
  Watch watch;
  watch.database = std::move(database);
  while (true) {
    // Each look for one that is gone would be an error in the server's log.
    if (watch.session || database_exists(*board, watch))
      static_cast<void>(co_await look_once(board, &watch, look_at_database));
    co_await board->pause(next_pause(*board, watch));
    co_await pulse->rest(board, &watch);
    if (watch.session && !database_exists(*board, watch)) watch.session.reset();
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

void watch_more(Board& board, Pulse& pulse, std::set<std::string>& watched) {
  const auto& databases = board.seen.catalog.databases;
  for (auto& name : databases_to_watch(board)) {
    const bool exists = std::ranges::find(databases, name, &Database::name) != databases.end();
    if (watched.size() >= kWatchedDatabasesMax || !exists) continue;
    if (watched.insert(name).second) board.loop.spawn(watch_database(&board, &pulse, name));
  }
}

}  // namespace

Task<void> watch_catalog(Board* board) {
  Watch watch;
  watch.database = board->options.conninfo.database;
  Pulse pulse(board->loop);
  std::set<std::string> watched{watch.database};
  while (true) {
    const auto looked = co_await look_once(board, &watch, look_at_instance);
    if (looked) pulse.beat(*board, watch);
    else pulse.miss();
    if (looked) watch_more(*board, pulse, watched);
    co_await board->pause(instance_pause(*board, watch));
  }
}

}  // namespace pgkeel::sense
