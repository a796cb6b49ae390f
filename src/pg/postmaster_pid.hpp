// postmaster.pid in the data directory and .s.PGSQL.PORT.lock beside a socket: the words in which a
// postmaster says "this is mine" (src/include/utils/pidfile.h, CreateLockFile in miscinit.c).
// It guarantees: a file that its server is still writing parses as far as it goes, and absent lines
// stay at their defaults. It refuses to say whether the process lives; that is `instance`.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::pg {

/// A real file has about 100 bytes plus two paths; anything longer is no lock file.
inline constexpr std::size_t kLockFileBytesMax = 16384;

struct PostmasterPid {
  pid_t pid = 0;            ///< always above zero
  bool standalone = false;  ///< single-user `postgres --single`, which writes its pid negative
  std::string data_dir;
  std::int64_t started_epoch_s = 0;
  std::uint16_t port = 0;      ///< 0: not written yet
  std::string socket_dir;      ///< first of unix_socket_directories; empty: none, or not yet
  std::string listen_address;  ///< first of listen_addresses, "*" for all; empty: none, or not yet
  std::uint64_t shmem_key = 0;
  std::uint64_t shmem_id = 0;
  std::string status;  ///< "starting", "stopping", "ready", "standby", trimmed; empty: not yet
};

/// Malformed when the first line is no process id or a later line is of another kind.
[[nodiscard]] Result<PostmasterPid> parse_postmaster_pid(std::string_view text);

/// A socket's lock file: the first five lines of the same form, and never a status.
[[nodiscard]] Result<PostmasterPid> parse_socket_lock(std::string_view text);

/// ".s.PGSQL.5432" and ".s.PGSQL.5432.lock", the names beside each other in a socket directory.
[[nodiscard]] std::string socket_name(std::uint16_t port);
[[nodiscard]] std::string socket_lock_name(std::uint16_t port);

}  // namespace pgkeel::pg
