// What one session sees at once: the server's role and version, its connections, and what the role
// that logged in may do. Asked over whatever session is open; every question is one that any role
// may ask, so that nothing of this is ever an error in the server's log.
#pragma once

#include "client/connection.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// Writes the login's facts and, when they are due, the role's rights. `started` is when the login
/// began, for the time it took.
runtime::Task<client::DbResult<void>> view_session(Board* board, client::Connection* session,
                                                   SteadyTime started);

/// A login that did not go through.
void note_login_failure(Board& board, SteadyTime started, const client::DbError& error);

}  // namespace pgkeel::sense
