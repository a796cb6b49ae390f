// Debian's record of what was installed: the packages a server stands on, changed lately.
#pragma once

#include <string_view>
#include <vector>

#include "diagnose/history.hpp"

namespace pgkeel::app {

inline constexpr const char* kPackageLog = "/var/log/dpkg.log";

/// Lines "2026-11-21 03:04:05 upgrade libc6:amd64 2.36-9 2.36-10" of packages whose change may
/// concern a server (PostgreSQL, the C library, ICU, the kernel, a container engine, systemd) since
/// then. The log is in local time.
[[nodiscard]] std::vector<diagnose::PackageUpdate> parse_package_log(std::string_view text,
                                                                     WallTime since);

/// Reads the log; says why it could not.
void read_package_log(diagnose::History& history);

}  // namespace pgkeel::app
