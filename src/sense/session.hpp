// Turns a database error into the words of a probe, and bounds the guard's own sessions.
#pragma once

#include "client/connection.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// TimedOut, Refused (nobody listens) or Rejected (the server said no).
[[nodiscard]] ProbeResult probe_result_of(const client::DbError& error);

/// A session with the limits every probe has: statement_timeout and lock_timeout, no JIT, no
/// parallel workers, a name operators recognise in pg_stat_activity.
runtime::Task<client::DbResult<client::Connection>> open_session(Board* board, std::string database,
                                                                 std::string application);

}  // namespace pgkeel::sense
