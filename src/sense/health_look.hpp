// One look at how well a running server is: short sessions, a few bounded statements each, in the
// server and in its largest databases. On request only.
// It guarantees: every statement has a deadline, and the whole look one; what a role may not see or
// a server does not answer is in `unseen`, the rest is told; nothing is changed.
#pragma once

#include "sense/board.hpp"
#include "sense/health_facts.hpp"

namespace pgkeel::sense {

/// Uses the board's options only, never what it has seen.
runtime::Task<HealthFacts> look_at_health(Board* board, SteadyTime deadline);

}  // namespace pgkeel::sense
