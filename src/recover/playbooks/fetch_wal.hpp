// WAL that a replay needs and pg_wal has lost, from the archive.
#pragma once

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// The control file is missing or damaged.
extern const Precondition kControlFileIsLost;

/// Fetches the segments between the kept control file's redo position and the last one that is in
/// pg_wal. Passed over where there is no archive; what it cannot fetch is the next step's to tell.
extern const Step kFetchMissingWal;

}  // namespace pgkeel::recover
