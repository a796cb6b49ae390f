// Steps shared by the playbooks that bring a data directory back from where it was moved to.
#pragma once

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// For data that vanished: only what a crash left is taken. Where an archive can take over, finding
/// nothing is an answer, once everything was looked at: no "from" in the notes then.
extern const Step kSearchLostData;
extern const Step kReattachDirectory;
/// For data that an engine replaced by a fresh cluster: also what was shut down in order before.
extern const Step kSearchReplacedData;
extern const Step kReattachReplaced;
/// The cluster that stands in the place, fenced or not; nothing when its control file tells none.
[[nodiscard]] std::optional<SystemId> occupant_of(const instance::DataDirFacts& facts);
/// Why what stands in the place may not be renamed aside; empty when it may: nothing in it, or
/// certainly another cluster. Asked right before the rename.
[[nodiscard]] std::string objection_to_moving(const instance::DataDirFacts& occupant,
                                              const incident::Identity& identity);
/// Renames what stands in the place aside and keeps it.
extern const Step kSetAsideOccupant;

}  // namespace pgkeel::recover
