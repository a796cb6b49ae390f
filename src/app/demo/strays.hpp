// What a state directory's guard has started and what may outlive it: the receiver and archive
// jobs, each of which holds a lock there with its pid in it, and the private servers of jobs.
// Whoever made the directory and is about to remove it ends them first. A process is known by
// holding the lock's file open, seen through a pidfd; never by its name.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {

/// Ends every holder of a lock in `state_dir` but the guard, also a stopped one: SIGTERM, after
/// `patience` SIGKILL. The locks are the caller's then, so that nothing new begins while it has
/// them. A directory that is not there has no holders. TimedOut names who did not end.
[[nodiscard]] Result<std::vector<runtime::FileLock>> end_strays(
    const std::filesystem::path& state_dir, Seconds patience);

/// Ends the servers whose data directories are at most kServerDepth levels below `directory`, at
/// once and without a checkpoint.
Result<void> end_servers_below(const std::filesystem::path& directory, Seconds patience);
inline constexpr int kServerDepth = 3;

}  // namespace pgkeel::app
