// Waiting for a started server: for the word "ready" in postmaster.pid, which the postmaster writes
// itself, together with the pidfd of whoever was started, so that neither success nor failure waits
// for a poll longer than it must.
#pragma once

#include <filesystem>

#include "instance/instance.hpp"
#include "instance/launcher.hpp"
#include "instance/lock.hpp"
#include "instance/server_log.hpp"

namespace pgkeel::instance {

/// Between two looks at postmaster.pid: 5 ms at first, then 2 % of the time already waited, at most
/// 100 ms, so that readiness is seen within 5 ms of a quick start and 2 % of a slow one.
[[nodiscard]] Millis readiness_interval(Millis waited);

/// Whether the status line says that the server is up ("standby": up, but hot_standby is off).
[[nodiscard]] bool is_up(std::string_view status);

struct StartedServer {
  std::filesystem::path data_dir;
  Launch launch;
  LogMark log;
  SteadyTime started_at;
  Namespace expected = Namespace::Own;
};

/// See Instance::start. A starter that failed while no postmaster exists is ServerStartFailed with
/// what it said; a postmaster that ended is a report without postmaster.
runtime::Task<Result<StartReport>> await_ready(runtime::Loop* loop, StartedServer server,
                                               SteadyTime deadline);

}  // namespace pgkeel::instance
