// Incidents from the running guard, or from the journal while none runs: what happened must be
// readable most of all when the guard is gone.
#pragma once

#include "app/config.hpp"
#include "app/json_read.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// An array of incident lines, newest first.
[[nodiscard]] Result<Json> list_incidents(const Config& config, std::size_t most);
/// The whole incident; "last" is the newest one. NotFound.
[[nodiscard]] Result<Json> load_incident(const Config& config, std::string_view id);

}  // namespace pgkeel::app
