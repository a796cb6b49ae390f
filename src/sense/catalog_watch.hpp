// The catalog watch: one kept session in each watched database and in the maintenance database,
// asking every watch_every whether any transaction was assigned at all and, only then, whether the
// fingerprint of databases or relations still is what it was. A full listing is read only when it
// is not. The interval grows with what a look costs, so that the watch stays under kWatchShare of a
// core. The same maintenance session makes the write probe: a transactional logical message, which
// touches no table of the user's and is waited for on the local disk only. A kept session blocks
// DROP DATABASE without FORCE in a watched database; see docs/guide/watching.md.
#pragma once

#include "sense/board.hpp"

namespace pgkeel::sense {

inline constexpr std::size_t kWatchedDatabasesMax = 8;

/// Watches databases and writes; starts a watch of relations for each database found, up to
/// kWatchedDatabasesMax. Runs for as long as the loop.
runtime::Task<void> watch_catalog(Board* board);

}  // namespace pgkeel::sense
