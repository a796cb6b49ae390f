// The data directory is gone and an archive is there. It is searched for first, as always; only
// when it is nowhere is it restored, and what stood in the place is kept.
#include "recover/playbooks/restore_steps.hpp"
#include "recover/playbooks/server_steps.hpp"

namespace pgkeel::recover {
namespace {

const Step kSteps[] = {kSearchLostData, kSetAsideOccupant, kBringDataBack, kPlaceRestoredData,
                       kStartServer};

}  // namespace

const Playbook kRestoreData{
    "restore_data", "Find the lost data directory, or restore it from the archive.", kSteps,
    "a login and a write succeed, and every known database and table is there"};

}  // namespace pgkeel::recover
