// Asks the server, after each of its starts and then seldom, by which versions of the sorting rules
// its databases were made and which it has now.
#pragma once

#include "sense/board.hpp"

namespace pgkeel::sense {

/// One look over a session of its own; the facts stay as they were when it fails.
runtime::Task<void> look_at_collations(Board* board);

/// Runs for as long as the loop.
runtime::Task<void> watch_collations(Board* board);

}  // namespace pgkeel::sense
