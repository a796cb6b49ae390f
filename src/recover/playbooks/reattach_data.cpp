// The data directory is gone, or a stranger's stands in its place. Before anything is restored, the
// real one is searched for, by its system identifier, and moved back. What an operator shut down in
// order may have been moved on purpose, so only what a crash left is taken.
#include "recover/playbooks/lost_data.hpp"

namespace pgkeel::recover {
namespace {

const Step kSteps[] = {kSearchLostData, kSetAsideOccupant, kReattachDirectory};

}  // namespace

const Playbook kReattachData{"reattach_data", "Find the lost data directory and move it back.",
                             kSteps,
                             "the directory in the place bears the known system identifier"};

}  // namespace pgkeel::recover
