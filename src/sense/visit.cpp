// See visit.hpp.
#include "sense/visit.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/log.hpp"
#include "sense/activity_look.hpp"
#include "sense/catalog_look.hpp"
#include "sense/catalog_watch.hpp"
#include "sense/session.hpp"
#include "sense/session_view.hpp"

namespace pgkeel::sense {
namespace {

using client::DbResult;
using runtime::Task;

constexpr Seconds kListingEvery{300};  // sizes drift; a fingerprint tells of everything else
constexpr std::string_view kApplication = "pgkeel visit";
constexpr int kDoublingsMax = 16;

// Limits are set inside the transaction, so that nothing of them stays on a pooler's session.
std::string begin_statement(const Options& options) {
  const auto timeout_ms = options.timeout.count();
  return fmt::format(
      "begin read only; set local search_path = pg_catalog; set local statement_timeout = {};"
      " set local lock_timeout = {}; set local jit = off;"
      " set local max_parallel_workers_per_gather = 0",
      timeout_ms, timeout_ms);
}

Task<DbResult<void>> run(Board* board, client::Connection* session, std::string sql) {
  const auto rows =
      co_await session->execute(std::move(sql), board->loop.after(board->options.timeout));
  if (!rows) co_return fail(rows.error());
  co_return DbResult<void>();
}

Task<DbResult<void>> look_inside(Board* board, Watch* watch) {
  auto looked = co_await look_at_catalog(board, watch);
  if (!looked) co_return looked;
  // Last in the transaction: what it cannot have costs nothing else.
  if (activity_due_in(*board, *watch) == Millis{0}) co_await look_at_activity(board, watch);
  auto ended = co_await run(board, &*watch->session, "commit");
  if (!ended) co_return ended;
  auto wrote = co_await write_if_due(board, watch);
  co_return wrote;
}

// The database the conninfo names: the login, the databases, its own relations.
Task<DbResult<void>> visit_home(Board* board, Watch* watch) {
  const auto started = board->loop.now();
  auto session = co_await open_session(board, watch->database, std::string(kApplication));
  if (!session) {
    note_login_failure(*board, started, session.error());
    co_return fail(session.error());
  }
  auto viewed = co_await run(board, &*session, begin_statement(board->options));
  if (viewed) viewed = co_await view_session(board, &*session, started);
  if (!viewed) {
    note_login_failure(*board, started, viewed.error());
    co_return viewed;
  }
  watch->session.emplace(std::move(*session));
  auto looked = co_await look_inside(board, watch);
  watch->session.reset();
  co_return looked;
}

// Another database that is watched because the configuration names it.
Task<DbResult<void>> visit_database(Board* board, Watch* watch) {
  auto session = co_await open_session(board, watch->database, std::string(kApplication));
  if (!session) co_return fail(session.error());
  watch->session.emplace(std::move(*session));
  auto looked = co_await run(board, &*watch->session, begin_statement(board->options));
  if (looked) looked = co_await look_at_database(board, watch);
  watch->session.reset();
  co_return looked;
}

Watch& watch_of(std::map<std::string, Watch>& watches, const std::string& database) {
  auto& watch = watches[database];
  watch.database = database;
  watch.listing_every = kListingEvery;
  return watch;
}

bool exists(const Board& board, const std::string& name) {
  const auto& databases = board.seen.catalog.databases;
  return std::ranges::find(databases, name, &Database::name) != databases.end();
}

Task<void> visit_once(Board* board, std::map<std::string, Watch>* watches) {
  const auto& home = board->options.conninfo.database;
  auto visited = co_await visit_home(board, &watch_of(*watches, home));
  if (!board->seen.login.ok()) co_return;  // said by the login's own facts
  for (const auto& name : board->options.watched_databases) {
    if (name == home || !exists(*board, name)) continue;
    if (watches->size() >= kWatchedDatabasesMax && !watches->contains(name)) break;
    const auto looked = co_await visit_database(board, &watch_of(*watches, name));
    if (!looked) visited = looked;
  }
  if (!visited) log_warning("catalog not seen", {{"why", visited.error().message()}});
}

}  // namespace

Millis next_visit(const Options& options, int failures) {
  if (failures == 0) return options.login_every;
  const auto doublings = std::min(failures - 1, kDoublingsMax);
  return std::min(options.login_every, options.in_doubt * (1 << doublings));
}

Task<void> pay_visits(Board* board) {
  std::map<std::string, Watch> watches;
  while (true) {
    if (board->seen.process.state != ProcessState::Absent) co_await visit_once(board, &watches);
    co_await board->pause(next_visit(board->options, board->seen.login.failures));
  }
}

}  // namespace pgkeel::sense
