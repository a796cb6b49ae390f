// The running guard: everything joined. main() of the process is run_guard(); the rest of app talks
// to it over STATE_DIR/guard.sock.
#pragma once

#include "app/config.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// Runs until SIGTERM or SIGINT, in the foreground; PostgreSQL keeps running. Returns the exit
/// code, or what kept the guard from starting: StateLocked, MissingBinary, DataDirWrongMajor and
/// their like, PortTaken, AuthFailed. Nothing is changed when it fails.
[[nodiscard]] Result<int> run_guard(const Config& config);

}  // namespace pgkeel::app
