// Processor time and memory of processes. Living processes are read by their CPU clock, in
// nanoseconds, because a tick of /proc (10 ms) is too coarse for a fraction of a per cent; only
// what a server's ended children used comes in ticks (cutime, cstime).
#pragma once

#include <sys/types.h>
#include <chrono>

#include "base/result.hpp"

namespace pgkeel::bench {

using CpuTime = std::chrono::nanoseconds;

/// User and system time of a process with all its threads, ended ones too.
[[nodiscard]] Result<CpuTime> cpu_of(pid_t pid);
/// The same of a postmaster and its children, ended ones too.
[[nodiscard]] Result<CpuTime> cpu_of_server(pid_t postmaster);
/// VmRSS.
[[nodiscard]] Result<double> resident_mb(pid_t pid);

/// Share of one core, in per cent.
[[nodiscard]] double percent_of_core(CpuTime used, std::chrono::nanoseconds window);

}  // namespace pgkeel::bench
