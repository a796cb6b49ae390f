// Steps that bring a data directory back from the archive where it is nowhere else: into a
// directory beside its place by a pgkeel of its own, from the shadow where there is one, else from
// the newest backup, every file compared with its manifest, and all WAL there is replayed. They
// guarantee: only the known cluster is put into the place; what could not be brought back is in the
// incident before it serves.
#pragma once

#include "recover/playbooks/lost_data.hpp"

namespace pgkeel::recover {

/// What the search found is moved back instead ("from" in the notes).
extern const Step kBringDataBack;
extern const Step kPlaceRestoredData;
/// The same in two halves around setting a fresh cluster aside: it goes when there is something to
/// put into its place, and not before.
extern const Step kRestoreBesideFresh;
extern const Step kPlaceKnownData;

}  // namespace pgkeel::recover
