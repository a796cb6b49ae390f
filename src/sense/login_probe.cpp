// See login_probe.hpp.
#include "sense/login_probe.hpp"

#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

constexpr std::string_view kSessionView =
    "select pg_is_in_recovery(), current_setting('server_version_num'),"
    " (select count(*) from pg_stat_activity where backend_type = 'client backend'),"
    " current_setting('max_connections'), current_setting('superuser_reserved_connections'),"
    " extract(epoch from pg_postmaster_start_time())::bigint";

void read_session_view(LoginFacts& login, const client::Rows& rows) {
  if (rows.size() != 1) return;
  login.in_recovery = rows.text(0, 0).value_or("f") == "t";
  login.server_version = static_cast<int>(rows.int64(0, 1).value_or(0));
  login.connections_used = static_cast<int>(rows.int64(0, 2).value_or(0));
  login.connections_max = static_cast<int>(rows.int64(0, 3).value_or(0));
  login.connections_reserved = static_cast<int>(rows.int64(0, 4).value_or(0));
  login.postmaster_started = WallTime{Seconds(rows.int64(0, 5).value_or(0))};
}

void note_failure(Board& board, SteadyTime started, const client::DbError& error) {
  note_probe(board, board.seen.login, probe_result_of(error), started,
             std::string(error.sqlstate()), error.error.detail);
}

runtime::Task<void> probe_once(Board* board) {
  const auto started = board->loop.now();
  auto connection =
      co_await open_session(board, board->options.conninfo.database, "pgkeel login probe");
  if (!connection) {
    note_failure(*board, started, connection.error());
    co_return;
  }
  const auto rows =
      co_await connection->query(std::string(kSessionView), {}, started + board->options.timeout);
  if (!rows) {
    note_failure(*board, started, rows.error());
    co_return;
  }
  const bool news = !board->seen.login.ok();
  read_session_view(board->seen.login, *rows);
  note_probe(*board, board->seen.login, ProbeResult::Ok, started);
  if (news) board->poked.notify_all();  // the kept sessions wait for logins to work
}

}  // namespace

runtime::Task<void> probe_logins(Board* board) {
  while (true) {
    // Without a server process there is nobody to ask; its start pokes us.
    if (board->seen.process.state != ProcessState::Absent) co_await probe_once(board);
    co_await board->pause(board->in_doubt() ? board->options.in_doubt : board->options.login_every);
  }
}

}  // namespace pgkeel::sense
