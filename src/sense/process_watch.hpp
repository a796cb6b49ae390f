// Follows the postmaster: its death is an event on a pidfd, not a poll. Once a second it also asks
// whether it is stopped, whether its data directory is still there and, in doubt, whether its
// processes make any progress. While there is none it looks for a new one, started by anybody.
#pragma once

#include "instance/instance.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// Runs for as long as the loop.
runtime::Task<void> watch_process(Board* board, instance::Instance* instance);

}  // namespace pgkeel::sense
