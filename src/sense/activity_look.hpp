// One look at what goes on inside the server, over the session of the catalog watch or of a visit:
// one statement, planned once where a session is kept. It asks only what every role may ask, so
// nothing of it is ever an error in the server's log; who may not see other roles' sessions learns
// less. Who waits for whom is asked for few sessions, and only for those that wait: the answer
// takes locks on the server's lock table.
#pragma once

#include "sense/catalog_look.hpp"

namespace pgkeel::sense {

/// The usual pause between two looks: three logins, but at least once a minute and at most twice a
/// second.
inline constexpr int kActivityEveryLogins = 3;
inline constexpr Millis kActivityEveryMin{500};
inline constexpr Millis kActivityEveryMax{60'000};

/// 0: now.
[[nodiscard]] Millis activity_due_in(const Board& board, const Watch& watch);
/// Writes the activity facts; `unavailable` says why where there are none.
runtime::Task<void> look_at_activity(Board* board, Watch* watch);

}  // namespace pgkeel::sense
