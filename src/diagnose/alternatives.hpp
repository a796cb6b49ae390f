// What else a finding could be, and what would tell the two apart: the next best explanation of the
// same evidence, for whoever has to decide. Pure; what is excluded by a fact at hand is left out.
#pragma once

#include <vector>

#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

inline constexpr std::size_t kAlternativesShown = 3;

/// The likelier first, at most kAlternativesShown.
[[nodiscard]] std::vector<Alternative> alternatives(const Case& the_case, const Finding& finding,
                                                    const std::vector<Finding>& findings);

}  // namespace pgkeel::diagnose
