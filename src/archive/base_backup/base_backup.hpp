// A base backup: everything the server sends for BASE_BACKUP, stored as tar shards, and the record
// that makes it a backup. Needs nothing but a connection that may replicate.
// It guarantees: the record is written last, after everything it names is durable, so that an
// interrupted backup is none; what it left is removed when it can be. Memory does not grow with the
// database. It does not wait for the WAL up to stop_lsn: a backup without it is not restorable yet.
// https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "archive/catalog/backup.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

/// How far it is, from the second time on about twice a second.
struct BackupProgress {
  enum class Phase { Checkpoint, Copy, Finish } phase = Phase::Checkpoint;
  std::uint64_t bytes_done = 0;   ///< as the server counts them, before compression
  std::uint64_t bytes_total = 0;  ///< the server's estimate at the start; may be passed
  std::uint64_t bytes_per_s = 0;  ///< since the copy began
  std::optional<Millis> left = {};
};

struct BackupRequest {
  pg::Conninfo conninfo;  ///< its database is where SQL is asked; best a superuser's
  std::optional<runtime::Account> connect_as = {};
  Store* store = nullptr;
  Encoding encoding = {};
  std::string label;  ///< a fresh time_label()
  std::uint64_t shard_bytes = 1U << 30U;
  std::optional<std::uint64_t> bytes_per_s_max =
      {};                                        ///< what the server may send; 32 kB/s at least
  std::optional<SystemId> expected_system = {};  ///< WrongIdentity when it is another one
  std::string made_by = "pgkeel";
  int wake_fd = -1;  ///< when readable, the backup ends with Cancelled
  std::function<void(const BackupProgress&)> progress = {};
  std::function<void(std::string_view)> warn = {};  ///< what could not be recorded, and why
};

/// Blocking, minutes to hours. Refused: the label is in use. WrongIdentity, AuthFailed (with the
/// pg_hba.conf line to add), Query (with the server's SQLSTATE), ConnectionLost, TimedOut,
/// Cancelled, DiskFull and what else the store says; Failed when the timeline changed meanwhile.
[[nodiscard]] Result<Backup> make_base_backup(const BackupRequest& request);

}  // namespace pgkeel::archive
