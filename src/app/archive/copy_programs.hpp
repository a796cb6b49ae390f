// Where the server of a copy comes from: this machine's PostgreSQL, or, for a server in a
// container, the image it runs in, so that a copy is opened by the very programs and libraries of
// its original.
#pragma once

#include "app/config.hpp"
#include "archive/restore/restore.hpp"

namespace pgkeel::app {

/// Sets programs, account and the directories in use. Of a container it is the image the known data
/// was served in last; an engine that is away leaves the programs of this machine, if any.
Result<void> choose_programs(const Config& config, archive::RestoreRequest& request);
/// As whom a copy's server runs: whoever owns the data, or owned it when a guard last saw a server
/// in it; none: as ourselves, since we are not root.
[[nodiscard]] Result<std::optional<runtime::Account>> copy_account(const Config& config);

}  // namespace pgkeel::app
