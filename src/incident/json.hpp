// An incident as JSON: the contract's shape, for the API, `--json` and the demo, and back from it
// for commands that read the guard's API. Unknown times and numbers are null.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.hpp"
#include "incident/model.hpp"

namespace pgkeel::incident {

/// The whole incident. `verified` names the checks that passed in the end; `checks` has them all.
[[nodiscard]] nlohmann::ordered_json to_json(const Incident& incident);
/// Its line in a list: everything but evidence, actions, checks and events.
[[nodiscard]] nlohmann::ordered_json line_to_json(const Incident& incident);

/// Reads either shape; what is absent or null stays unknown. Malformed when a member has another
/// type, a time is none, or a word is unknown.
[[nodiscard]] Result<Incident> incident_from_json(const nlohmann::ordered_json& json);
[[nodiscard]] Result<Incident> parse_incident(std::string_view text);

}  // namespace pgkeel::incident
