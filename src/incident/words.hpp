// The enumerations of the model from their words, as the database and the API hold them. An unknown
// word is Malformed: a newer pgkeel wrote it, or somebody else.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "incident/model.hpp"

namespace pgkeel::incident {

[[nodiscard]] Result<Severity> parse_severity(std::string_view word);
[[nodiscard]] Result<IncidentState> parse_incident_state(std::string_view word);
[[nodiscard]] Result<ActionOutcome> parse_action_outcome(std::string_view word);

}  // namespace pgkeel::incident
