// What must hold between the tables of [[alert]] and [escalate]; single values are the table of
// keys' business.
#pragma once

#include <string>
#include <vector>

#include "app/config.hpp"

namespace pgkeel::app {

/// Every contradiction, one ConfigBadValue each: a channel without what its kind needs, two of one
/// name, a step that names no channel.
[[nodiscard]] std::vector<Error> check_alerts(const Config& config);

}  // namespace pgkeel::app
