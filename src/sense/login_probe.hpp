// The login probe: a fresh connection over the path clients use, every login_every, every in_doubt
// while something looks wrong. A kept connection proves nothing about logins, so none is kept here.
#pragma once

#include "sense/board.hpp"

namespace pgkeel::sense {

/// Runs for as long as the loop.
runtime::Task<void> probe_logins(Board* board);

}  // namespace pgkeel::sense
