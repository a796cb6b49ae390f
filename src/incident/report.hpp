// The report of an incident for people who were not there: Markdown, one page, loss first. It says
// what was seen, concluded, done, checked and lost, and what remains for a person to do. Pure.
#pragma once

#include <string>

#include "incident/model.hpp"

namespace pgkeel::incident {

[[nodiscard]] std::string markdown_report(const Incident& incident);

/// What a person should look into after an incident of this cause; empty when nothing special.
[[nodiscard]] std::string_view advice_for(std::string_view cause);

}  // namespace pgkeel::incident
