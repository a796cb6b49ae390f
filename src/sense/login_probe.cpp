// See login_probe.hpp.
#include "sense/login_probe.hpp"

#include "sense/session.hpp"
#include "sense/session_view.hpp"

namespace pgkeel::sense {
namespace {

runtime::Task<void> probe_once(Board* board) {
  const auto started = board->loop.now();
  auto connection =
      co_await open_session(board, board->options.conninfo.database, "pgkeel login probe");
  if (!connection) {
    note_login_failure(*board, started, connection.error());
    co_return;
  }
  const bool news = !board->seen.login.ok();
  const auto viewed = co_await view_session(board, &*connection, started);
  if (!viewed) note_login_failure(*board, started, viewed.error());
  else if (news) board->poked.notify_all();  // the kept sessions wait for logins to work
}

}  // namespace

runtime::Task<void> probe_logins(Board* board) {
  while (true) {
    // Without a server process there is nobody to ask; its start pokes us.
    if (board->seen.process.state != ProcessState::Absent) co_await probe_once(board);
    const bool soon = board->in_doubt() || board->seen.login.crowded_looks > 0;
    co_await board->pause(soon ? board->options.in_doubt : board->options.login_every);
  }
}

}  // namespace pgkeel::sense
