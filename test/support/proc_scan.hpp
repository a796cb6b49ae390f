// Finding every process of a server by its working directory: PostgreSQL's processes all stand in
// their data directory, so this finds orphans whose parent is gone too.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <vector>

namespace pgkeel::test {

/// Processes (zombies are not listed) whose working directory is `dir`.
[[nodiscard]] std::vector<pid_t> pids_in(const std::filesystem::path& dir);
/// Processes (zombies are not listed) that stand in `dir` or below it, or name it in an argument.
[[nodiscard]] std::vector<pid_t> pids_about(const std::filesystem::path& dir);
/// Field 3 of /proc/PID/stat; 0 when there is no such process.
[[nodiscard]] char proc_state(pid_t pid);

}  // namespace pgkeel::test
