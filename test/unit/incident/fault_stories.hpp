// One incident for every fault that docs/reference/faults.md has, as a guard would have journaled
// it, with times and ids that never change: what the golden reports are made of.
#pragma once

#include <string_view>
#include <vector>

#include "incident/model.hpp"
#include "incident/report.hpp"

namespace pgkeel::incident {

/// In the order of the contract's fault names; the cause is the fault's name.
[[nodiscard]] std::vector<Incident> fault_stories();

/// How the house stands in all of them: one gap, one check nobody could make.
[[nodiscard]] std::vector<StandingCheck> sample_standing();

}  // namespace pgkeel::incident
