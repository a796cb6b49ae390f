// Ending a server's processes, each by a pidfd that was checked after it was opened, so that no
// signal ever reaches a stranger, and waiting until the last one is gone.
#pragma once

#include <filesystem>

#include "instance/instance.hpp"
#include "instance/lock.hpp"

namespace pgkeel::instance {

/// Between SIGQUIT and SIGKILL: a backend that quits does so at once, unless it cannot run at all.
inline constexpr Millis kQuitGrace{2'000};

/// Waits until no process of the server of `data_dir` is left; TimedOut names how many are.
runtime::Task<Result<void>> await_all_gone(runtime::Loop* loop, std::filesystem::path data_dir,
                                           SteadyTime deadline);

/// See Instance::await_orphans_gone. WrongState when a postmaster lives, Refused when unclear.
runtime::Task<Result<void>> end_orphans(runtime::Loop* loop, std::filesystem::path data_dir,
                                        SteadyTime patience, SteadyTime deadline,
                                        Namespace expected = Namespace::Own);

/// See Instance::stop. Done at once when no server runs.
runtime::Task<Result<void>> stop_server(runtime::Loop* loop, std::filesystem::path data_dir,
                                        StopMode mode, SteadyTime deadline);

/// SIGCONT to every process of the server that is stopped (state T; one under a debugger, t, is
/// left alone).
Result<void> continue_stopped(const std::filesystem::path& data_dir);

}  // namespace pgkeel::instance
