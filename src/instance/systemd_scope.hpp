// Under systemd a server started by the guard would live in the guard's unit and count against its
// limits. It is moved to a scope of its own right after the start; when that fails it stays where
// it is and KillMode=process of packaging/systemd/pgkeel.service still keeps it alive.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>

#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// Whether systemd is the service manager here (sd_booted(3)).
[[nodiscard]] bool systemd_runs();

/// The call of StartTransientUnit that puts `pid` into pgkeel-postgresql-PID.scope.
[[nodiscard]] std::vector<std::string> scope_command(pid_t pid);

/// Best effort: logs a warning when systemd refuses. Does nothing unless we are root, since another
/// user's scopes end with its session.
runtime::Task<void> move_to_scope(runtime::Loop* loop, pid_t pid);

}  // namespace pgkeel::instance
