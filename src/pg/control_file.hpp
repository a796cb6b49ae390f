// global/pg_control, the one file that says what a cluster is and how its last server ended. Read
// from its bytes, so that it can be judged while no server runs and without pg_controldata.
// It guarantees: every field comes from bytes whose CRC-32C holds; majors 13 to 18, each by its own
// layout (src/include/catalog/pg_control.h of that major). A live server rewrites the file in one
// 8 kB write, which a reader may see half done: read again before believing a bad checksum.
// It refuses to write the file, and to guess at versions and platforms it does not know.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::pg {

/// The file's size on disk, whatever the structure inside needs (PG_CONTROL_FILE_SIZE).
inline constexpr std::size_t kControlFileBytes = 8192;

/// Oldest and newest major version whose files pgkeel reads.
inline constexpr int kMajorMin = 13;
inline constexpr int kMajorMax = 18;

/// DBState of pg_control.h, in its order. Only ShutDown and ShutDownInRecovery are clean.
enum class ClusterState : std::uint8_t {
  Starting,
  ShutDown,
  ShutDownInRecovery,
  ShuttingDown,
  InCrashRecovery,
  InArchiveRecovery,
  InProduction,
};
/// The words pg_controldata uses: "in production", "shut down in recovery".
[[nodiscard]] std::string_view to_string(ClusterState state);
/// Whether the last server ended in order; one stopped in recovery replays on at its next start.
[[nodiscard]] bool is_clean(ClusterState state);

struct ControlFile {
  SystemId system_id;
  std::uint32_t control_version = 0;
  std::uint32_t catalog_version = 0;
  int major = 0;  ///< 13 to 18, from the two versions above
  ClusterState state = ClusterState::Starting;
  WallTime modified_at;  ///< whole seconds

  Lsn checkpoint;  ///< where the last checkpoint record is
  Lsn redo;        ///< where replay starts
  TimelineId timeline;
  TimelineId previous_timeline;
  bool full_page_writes = false;
  Xid next_xid;
  Oid next_oid;
  std::uint32_t next_multixact = 0;
  std::uint32_t oldest_xid = 0;  ///< 32-bit: freeze horizon over all databases
  Oid oldest_xid_database;
  std::uint32_t oldest_active_xid = 0;
  WallTime checkpoint_at;  ///< whole seconds
  Lsn unlogged_lsn;        ///< the counter for unlogged relations, no WAL position

  Lsn min_recovery_point;  ///< none unless recovery has run and not ended
  TimelineId min_recovery_timeline;
  Lsn backup_start;  ///< set while a base backup is being replayed
  Lsn backup_end;
  bool backup_end_required = false;

  int wal_level = 0;  ///< 0 minimal, 1 replica, 2 logical
  bool wal_log_hints = false;
  int max_connections = 0;
  int max_worker_processes = 0;
  int max_wal_senders = 0;
  int max_prepared_transactions = 0;
  int max_locks_per_transaction = 0;
  bool track_commit_timestamp = false;

  std::uint32_t block_size = 0;
  std::uint32_t relation_segment_blocks = 0;
  std::uint32_t wal_block_size = 0;
  std::uint32_t wal_segment_bytes = 0;
  std::uint32_t data_checksum_version = 0;  ///< 0: pages carry no checksum
  bool default_char_signed = true;          ///< recorded since 18; x86 before that
};

/// The control file in `bytes` (8192 of them; fewer are enough if the structure is whole).
/// ControlFileCorrupt: too short, all zeros, wrong checksum or impossible values.
/// Unsupported: whole, but of another byte order or of no release of 13 to 18.
[[nodiscard]] Result<ControlFile> parse_control_file(ByteSpan bytes);

/// The major version whose initdb writes this catalog version, or 0.
[[nodiscard]] int major_of_catalog(std::uint32_t catalog_version);

}  // namespace pgkeel::pg
