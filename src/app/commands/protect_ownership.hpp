// The part of pgkeel protect that takes ownership from an application: shown, or done.
#pragma once

#include <string>
#include <vector>

#include "app/command.hpp"
#include "app/json_read.hpp"
#include "maintain/ownership.hpp"

namespace pgkeel::app {

using OwnershipPlans = std::vector<maintain::OwnershipPlan>;

/// Of --ownership and --of, for each database, as they are now.
Result<OwnershipPlans> plan_ownerships(const Config& config, const Invocation& invocation,
                                       const maintain::ServerAccess& access,
                                       const std::vector<std::string>& databases);
/// What would be done, and what migrations need then.
int show_ownerships(const Invocation& invocation, const OwnershipPlans& plans);
/// Does it, database by database, each planned anew right before it, once all were found fit; says
/// how it is taken back. What was done, as it was done.
Result<OwnershipPlans> make_ownerships(const Config& config, const Invocation& invocation,
                                       const maintain::ServerAccess& access,
                                       const std::vector<std::string>& databases);
[[nodiscard]] Json ownerships_json(const OwnershipPlans& plans);

}  // namespace pgkeel::app
