// The running guard: everything joined. main() of the process is run_guard(); the rest of app talks
// to it over STATE_DIR/guard.sock.
#pragma once

#include "app/config.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// Whose end is whose. BesideServer: PostgreSQL outlives the guard. EntryPoint: the guard is what a
/// container runs; the server starts with it and is stopped with it (docs/guide/entry-point.md).
enum class Place { BesideServer, EntryPoint };
/// EntryPoint for the first process of a container.
[[nodiscard]] Place usual_place();

/// Runs until SIGTERM or SIGINT, in the foreground. Returns the exit code, or what kept the guard
/// from starting: StateLocked, MissingBinary, DataDirWrongMajor and their like, PortTaken,
/// AuthFailed. Nothing is changed when it fails.
[[nodiscard]] Result<int> run_guard(const Config& config, Place place);

}  // namespace pgkeel::app
