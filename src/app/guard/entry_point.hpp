// The guard as what a container runs: the container's start means "start the server", its stop
// "stop the server in order". Between the two the guard is like any other.
// It guarantees: a start compares the identity first; a stop is tried fast, then immediate, inside
// the ten seconds engines wait before they kill. Servers the guard does not own (container, remote)
// are neither started nor stopped with it.
#pragma once

#include "app/config.hpp"
#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

/// Becomes the container's init, and runs the guard below it; see runtime/init.hpp.
[[nodiscard]] Result<int> run_entry_point(const Config& config);

/// Starts the server whatever state it was left in, and forgets that an operator had stopped it: a
/// stop lasts as long as the container it was made in. A start that fails is left to the loop.
runtime::Task<Result<void>> start_with_container(runtime::Loop* loop, instance::Instance* instance,
                                                 incident::Ledger* ledger);

/// SIGHUP to the postmaster: it reads its configuration again.
void reload_server(const instance::Instance* instance);

}  // namespace pgkeel::app
