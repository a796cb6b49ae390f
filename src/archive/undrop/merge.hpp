// Rows that were lost, added to a table that exists: what the copy has under keys that the live
// table has not. For what was deleted or truncated, and for what an app made again too early.
// It guarantees: a row that exists is not changed; all of it or nothing, in one transaction; the
// table's own triggers do not fire and stay switched as they are, its constraints are checked.
// It refuses a table without a key that tells rows apart, and one whose columns are not those of
// the copy.
#pragma once

#include "archive/undrop/parts.hpp"

namespace pgkeel::archive {

/// Refused or NotSupported, with what stands in the way: asked before anything is restored.
Result<void> can_be_merged(const UndropRequest& request);

/// Fills done.merged. Query, with the server's words, when a row does not fit beside the new ones.
Result<void> merge_table(const Side& side, Undropped& done);

}  // namespace pgkeel::archive
