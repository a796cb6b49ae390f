// See activity_look.hpp.
#include "sense/activity_look.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "pg/sqlstate.hpp"
#include "sense/activity_rows.hpp"

namespace pgkeel::sense {
namespace {

using client::DbResult;
using client::Rows;
using runtime::Task;

constexpr Millis kSoon{2'000};          // a second look at what was seen for the first time
constexpr Millis kAgainAfter{600'000};  // a server that refuses the question has it in its log

Task<DbResult<Rows>> ask(Board* board, Watch* watch) {
  const auto deadline = board->loop.after(board->options.timeout);
  if (!watch->activity_prepared) {
    watch->activity_prepared = false;
    if (board->options.keeps_sessions()) {
      auto prepared = co_await watch->session->prepare(std::string(kActivityName),
                                                       activity_statement(), deadline);
      if (!prepared) co_return std::unexpected(std::move(prepared).error());
      watch->activity_prepared = true;
    }
  }
  if (*watch->activity_prepared) {
    auto rows = co_await watch->session->query_prepared(std::string(kActivityName), {}, deadline);
    if (!rows) watch->activity_prepared = false;  // another's session, behind some poolers
    co_return rows;
  }
  auto rows = co_await watch->session->query(activity_statement(), {}, deadline);
  co_return rows;
}

// For what it asks, and not because the server is busy or goes down.
bool refused(const client::DbError& error) {
  return error.sqlstate().starts_with("42") || error.sqlstate().starts_with("0A") ||
         error.sqlstate().starts_with("22");
}

void note(Board& board, Watch& watch, ActivityFacts facts) {
  auto& seen = board.seen.activity;
  facts.at = board.loop.now();
  carry_over(seen, facts);
  facts.seen = true;
  // Never twice in a row: what comes and goes all the time costs no more than twice the usual.
  watch.activity_soon = !watch.activity_soon && wants_confirming(facts);
  seen = std::move(facts);
}

void note_failure(Board& board, Watch& watch, const client::DbError& error) {
  ActivityFacts facts;
  facts.unavailable = error.error.detail;
  watch.activity_soon = false;
  watch.activity_refused = refused(error);
  board.seen.activity = std::move(facts);
  if (watch.activity_refused)
    log_warning("the server's activity is not seen", {{"why", error.error.message()}});
}

bool short_of_connections(const LoginFacts& login) {
  return login.crowded_looks > 0 ||
         (!login.ok() && login.sqlstate == pg::sqlstate::kTooManyConnections);
}

}  // namespace

Millis activity_due_in(const Board& board, const Watch& watch) {
  const auto& activity = board.seen.activity;
  if (activity.at == SteadyTime{}) return Millis{0};
  auto pause = std::clamp<Millis>(kActivityEveryLogins * board.options.login_every,
                                  kActivityEveryMin, kActivityEveryMax);
  if (watch.activity_soon) pause = std::min(pause, kSoon);
  if (short_of_connections(board.seen.login)) pause = std::min(pause, board.options.in_doubt);
  if (watch.activity_refused) pause = kAgainAfter;
  // A visit that comes a little early looks too.
  if (!board.options.keeps_sessions()) pause = pause * 9 / 10;
  const auto rest = std::chrono::ceil<Millis>(activity.at + pause - board.loop.now());
  return std::max(rest, Millis{0});
}

Task<void> look_at_activity(Board* board, Watch* watch) {
  const auto rows = co_await ask(board, watch);
  if (rows) {
    watch->activity_refused = false;
    note(*board, *watch, read_activity(*rows));
  } else {
    note_failure(*board, *watch, rows.error());
  }
  board->seen.activity.at = board->loop.now();
  board->changed.notify_all();
}

}  // namespace pgkeel::sense
