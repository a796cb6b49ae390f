// The periodic look at a server where no session is kept: connect, look at everything in one
// read-only transaction, disconnect. It is the login probe and the catalog watch in one, for
// servers somewhere else that sleep when nobody asks (scale to zero) or count connections. While
// the server stays away the pace slows down to login_every: a server that is being started is not
// hammered.
#pragma once

#include "sense/board.hpp"

namespace pgkeel::sense {

/// Runs for as long as the loop.
runtime::Task<void> pay_visits(Board* board);

/// When to look again after `failures` in a row; pure.
[[nodiscard]] Millis next_visit(const Options& options, int failures);

}  // namespace pgkeel::sense
