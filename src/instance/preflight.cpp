// See preflight.hpp; owner and mode are what checkDataDir (miscinit.c) asks for.
#include "instance/preflight.hpp"

#include <fmt/format.h>

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kForbiddenBits = 0027;  // group may read, others nothing

std::string owner_name(const DataDirFacts& facts) {
  return facts.owner ? facts.owner->name : "an unknown user";
}

}  // namespace

Result<void> check_data_dir(const DataDirFacts& facts, const fs::path& path) {
  const std::string where = "data directory " + path.string();
  if (!facts.fenced.empty()) return fail(ErrorCode::DataDirFenced, where + " is " + facts.fenced);
  switch (facts.state) {
    case DataDirState::Missing: return fail(ErrorCode::DataDirMissing, where + " does not exist");
    case DataDirState::Empty: return fail(ErrorCode::DataDirEmpty, where + " is empty");
    case DataDirState::Incomplete:
      return fail(ErrorCode::DataDirIncomplete, where + " is incomplete: " + facts.detail);
    case DataDirState::Unreadable:
      return fail(ErrorCode::Permission, where + " cannot be read: " + facts.detail);
    case DataDirState::Present: break;
  }
  if (facts.control_error) return fail(*facts.control_error);
  return {};
}

Result<void> check_owner(const DataDirFacts& facts, const fs::path& path, uid_t our_uid) {
  const std::string where = "data directory " + path.string();
  if (!facts.owner)
    return fail(ErrorCode::DataDirWrongOwner, where + " has no owner that could be read");
  if (facts.owner->uid == 0)
    return fail(ErrorCode::DataDirWrongOwner,
                where + " is owned by root, and PostgreSQL refuses to run as root");
  if (our_uid != 0 && our_uid != facts.owner->uid)
    return fail(ErrorCode::DataDirWrongOwner,
                fmt::format("{} is owned by {}, but pgkeel runs as user id {}", where,
                            owner_name(facts), our_uid));
  if (!facts.foreign_part.empty())
    return fail(ErrorCode::DataDirWrongOwner, fmt::format("{} is owned by {}, but in it {}", where,
                                                          owner_name(facts), facts.foreign_part));
  if ((facts.mode & kForbiddenBits) != 0)
    return fail(
        Error(ErrorCode::Permission,
              fmt::format("{} has mode {:04o}; PostgreSQL accepts 0700 or 0750", where, facts.mode))
            .with_hint(fmt::format("chmod 0700 {}", path.string())));
  return {};
}

Result<void> check_major(const DataDirFacts& facts, const fs::path& path, int server_major) {
  if (facts.major != server_major)
    return fail(ErrorCode::DataDirWrongMajor,
                fmt::format("data directory {} is of PostgreSQL {}, the server programs are of {}",
                            path.string(), facts.major, server_major));
  if (facts.control && facts.control->major != facts.major)
    return fail(ErrorCode::DataDirWrongMajor,
                fmt::format("data directory {}: PG_VERSION says {}, the control file is of {}",
                            path.string(), facts.major, facts.control->major));
  return {};
}

Result<void> check_identity(const pg::ControlFile& control, const fs::path& path,
                            SystemId expected) {
  if (!expected.valid())
    return fail(ErrorCode::Refused, "no system identifier is expected of " + path.string() +
                                        "; nothing is started without one");
  if (control.system_id != expected)
    return fail(ErrorCode::WrongIdentity,
                fmt::format("data directory {} has system identifier {}, expected {}",
                            path.string(), to_string(control.system_id), to_string(expected)));
  return {};
}

Result<std::optional<pid_t>> check_lock(const LockFacts& lock, const fs::path& path,
                                        std::optional<pid_t> verified_stale_pid) {
  switch (lock.state) {
    case LockState::Live:
      return fail(ErrorCode::WrongState,
                  fmt::format("a server already runs in {} (pid {})", path.string(),
                              lock.file ? std::to_string(lock.file->pid) : "unknown"));
    case LockState::Orphans:
      return fail(ErrorCode::WrongState,
                  fmt::format("{} processes of the dead server still run in {} (first pid {})",
                              lock.orphans.size(), path.string(), lock.orphans.front()));
    case LockState::Unclear:
      return fail(ErrorCode::Refused, fmt::format("it is not clear whether a server runs in {}: {}",
                                                  path.string(), lock.detail));
    case LockState::None:
    case LockState::Stale: break;
  }
  if (verified_stale_pid && (!lock.file || lock.file->pid != *verified_stale_pid))
    return fail(ErrorCode::Refused,
                fmt::format("postmaster.pid in {} no longer names the verified stale pid {}",
                            path.string(), *verified_stale_pid));
  if (lock.state == LockState::Stale && lock.file && (lock.pid_reused || verified_stale_pid))
    return std::optional<pid_t>(lock.file->pid);
  return std::optional<pid_t>();
}

}  // namespace pgkeel::instance
