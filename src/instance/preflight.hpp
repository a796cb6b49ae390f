// What must hold before a server is started, each check one clear line. Pure: facts in, verdict
// out, so that start() can ask again last thing before exec and tests can ask by the thousand.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>

#include "instance/instance.hpp"

namespace pgkeel::instance {

/// DataDirMissing, DataDirEmpty, DataDirFenced, DataDirIncomplete, Permission, ControlFileCorrupt
/// (also Unsupported when the control file is of a version we do not read).
[[nodiscard]] Result<void> check_data_dir(const DataDirFacts& facts,
                                          const std::filesystem::path& path);

/// DataDirWrongOwner when `our_uid` may not run the server as the directory's owner, when root owns
/// it, when part of it is another user's; Permission when others may read it (0700 or 0750 only).
[[nodiscard]] Result<void> check_owner(const DataDirFacts& facts, const std::filesystem::path& path,
                                       uid_t our_uid);

/// DataDirWrongMajor unless PG_VERSION, control file and programs agree.
[[nodiscard]] Result<void> check_major(const DataDirFacts& facts, const std::filesystem::path& path,
                                       int server_major);

/// WrongIdentity unless `control` carries the expected system identifier; Refused when no identity
/// is expected, since nothing may be started without one.
[[nodiscard]] Result<void> check_identity(const pg::ControlFile& control,
                                          const std::filesystem::path& path, SystemId expected);

/// The stale pid the server must be told to ignore, if any. WrongState while a postmaster or its
/// children run, Refused when the lock is unclear, or is not the one the caller had verified
/// (`verified_stale_pid`).
[[nodiscard]] Result<std::optional<pid_t>> check_lock(const LockFacts& lock,
                                                      const std::filesystem::path& path,
                                                      std::optional<pid_t> verified_stale_pid);

}  // namespace pgkeel::instance
