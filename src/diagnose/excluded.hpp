// What a trouble of the whole server is not, with the evidence that says so: the causes somebody
// would think of first. Pure; what could not be looked at is not excluded.
#pragma once

#include <string>
#include <vector>

#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

struct Excluded {
  Cause cause;
  std::string because;  ///< "the data directory is there and bears the known system identifier"
};

/// Of a server that does not serve; empty for one that does.
[[nodiscard]] std::vector<Excluded> excluded(const Case& the_case,
                                             const std::vector<Finding>& findings);

}  // namespace pgkeel::diagnose
