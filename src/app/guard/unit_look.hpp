// What the unit a server lives in would do to it. By default systemd stops a whole service, in
// order, when the kernel has killed one of its processes for memory: the server goes down as if an
// operator had stopped it, and nobody may start it again.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/warning.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

/// The unit in the text of /proc/PID/cgroup: "postgresql@15-main.service"; nothing when no service
/// holds the process.
[[nodiscard]] std::optional<std::string> service_in(std::string_view cgroups);

/// `policy` as `systemctl show -P OOMPolicy` says it.
[[nodiscard]] std::vector<diagnose::Warning> oom_policy_warnings(const std::string& service,
                                                                 std::string_view policy);

/// Looks where the process is and asks systemd; nothing where systemd does not run or the process
/// is in no service.
runtime::Task<std::vector<diagnose::Warning>> look_at_unit(runtime::Loop* loop, pid_t pid);

}  // namespace pgkeel::app
