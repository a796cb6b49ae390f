// The tables of the state database and of the probe ring, as steps from one version to the next.
// A step is never changed once released; a new one is added behind it. PRAGMA user_version counts
// the steps a file has taken, in the same transaction as the step.
#pragma once

#include <span>

#include "base/result.hpp"
#include "incident/statement.hpp"

namespace pgkeel::incident {

using SchemaSteps = std::span<const char* const>;

[[nodiscard]] SchemaSteps state_schema();
[[nodiscard]] SchemaSteps probe_schema();

/// Takes the steps that are missing. WrongState when the file is newer than this program or is
/// somebody else's.
Result<void> migrate(Database& database, SchemaSteps steps);
/// For readers: WrongState unless the file has exactly these steps.
Result<void> require_schema(Database& database, SchemaSteps steps);

}  // namespace pgkeel::incident
