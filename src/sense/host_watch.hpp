// Looks at the machine every ten seconds, and at once in doubt. One look at a time: a file system
// that hangs holds one thread of the pool, never a second, which the journal needs.
#pragma once

#include "instance/instance.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// Runs for as long as the loop. Not for servers elsewhere.
runtime::Task<void> watch_host(Board* board, instance::Instance* instance);

}  // namespace pgkeel::sense
