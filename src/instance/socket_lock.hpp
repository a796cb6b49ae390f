// .s.PGSQL.PORT.lock, the claim of one postmaster on a socket. PostgreSQL itself removes one whose
// pid is dead; it refuses to start when the pid is alive again as somebody else (containers, where
// the lock outlives the data's own), or when the file is empty. Only those are set aside here.
// It guarantees: a lock of a running server is never touched, and what is renamed is what was
// judged.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "instance/instance.hpp"

namespace pgkeel::instance {

struct SocketLockFacts {
  std::filesystem::path path;
  LockState state = LockState::None;  ///< None, Live, Stale or Unclear
  std::optional<pg::PostmasterPid> file;
  bool pid_reused = false;  ///< Stale, and PostgreSQL would not see that it is
  bool garbled = false;     ///< Stale, because it says nothing
  std::string pid_owner;    ///< who has the pid: "postgres in /var/lib/postgresql/15/b"
};

[[nodiscard]] SocketLockFacts inspect_socket_lock(const std::filesystem::path& socket_dir,
                                                  std::uint16_t port);

/// Renames a Stale lock that PostgreSQL would stumble over (pid_reused or garbled) to
/// "<name>.pgkeel-stale" and checks that it renamed the file it had judged; otherwise does nothing.
/// Refused when the file changed in between.
Result<void> set_aside_socket_lock(const SocketLockFacts& facts);

}  // namespace pgkeel::instance
