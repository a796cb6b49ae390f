// Under systemd a server started by the guard would live in the guard's unit: it would count
// against its limits, and end with it wherever KillMode=process of
// packaging/systemd/pgkeel.service is not obeyed. It begins in a scope of its own instead, in which
// a backend killed for memory ends only itself, and which a shutdown of the machine ends before the
// file system below the data directory goes.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// Whether systemd is the service manager here (sd_booted(3)).
[[nodiscard]] bool systemd_runs();

/// pgkeel-postgresql-PID.scope
[[nodiscard]] std::string scope_name(pid_t pid);

/// What the answer to a call for a scope means. Pure.
enum class ScopeAnswer {
  Begun,
  MayHaveBegun,   ///< no answer in time, or it is there already: whether it is, /proc tells
  KnowsNoPolicy,  ///< a systemd whose scopes have no OOMPolicy
  Refused
};
/// `outcome` and the error's name as sd_bus_call(3) gives them.
[[nodiscard]] ScopeAnswer read_scope_answer(int outcome, std::string_view error_name);

/// Puts a process that has no children yet into a scope of its own and returns when it is there.
/// Best effort, two seconds at most: logs a warning when systemd refuses. Does nothing unless we
/// are root, since another user's scopes end with its session.
runtime::Task<void> move_to_scope(runtime::Loop* loop, pid_t pid, std::filesystem::path data_dir);

}  // namespace pgkeel::instance
