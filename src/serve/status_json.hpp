// The whole snapshot as JSON for /api/v1/status, and the parts of it that the health documents
// share. Durations are in milliseconds and say so (`age_ms`), sizes in bytes (`size_bytes`), times
// are UTC; what is not known is null, what is not configured is the string "not configured".
#pragma once

#include "serve/json_text.hpp"
#include "serve/status.hpp"

namespace pgkeel::serve {

[[nodiscard]] Json status_json(const Status& status, SteadyTime now);

[[nodiscard]] Json databases_json(const Status& status);
[[nodiscard]] Json largest_tables_json(const Status& status);
[[nodiscard]] Json connections_json(const Status& status);
[[nodiscard]] Json disk_json(const Status& status);
[[nodiscard]] Json protection_json(const std::optional<Protection>& protection);

}  // namespace pgkeel::serve
