// How the house stands after an incident: what a team would ask next in the morning. Backups, their
// proof, and the gaps through which the next incident would go unseen. Pure: the configuration and,
// where a guard answers, its status; without one what only it knows is "not known", never "yes".
#pragma once

#include <vector>

#include "app/config.hpp"
#include "app/json_read.hpp"
#include "base/time.hpp"
#include "incident/report.hpp"

namespace pgkeel::app {

/// `status` is the API's, or null when no guard answers.
[[nodiscard]] std::vector<incident::StandingCheck> standing_checks(const Config& config,
                                                                   const Json& status,
                                                                   WallTime now);

}  // namespace pgkeel::app
