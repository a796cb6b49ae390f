// What the archive knows of one base backup: backups/LABEL/backup.json, written last and never
// changed. Proofs and pins are objects beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/codec/encoded.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

struct Tablespace {
  Oid oid;
  std::string location;  ///< on the server
  friend bool operator==(const Tablespace&, const Tablespace&) = default;
};

/// A shard: a whole tar of `part` ("data", "tablespace-16400", "config").
struct Shard {
  std::string part;
  StoredObject object;
};

struct Backup {
  std::string label;
  SystemId system_id;
  int server_version_num = 0;  ///< 150020
  TimelineId timeline;
  Lsn start_lsn;  ///< where replay has to begin
  Lsn stop_lsn;   ///< consistent from here on
  std::uint64_t wal_segment_bytes = pg::kDefaultWalSegmentBytes;
  WallTime started_at;
  WallTime ended_at;
  bool data_checksums = false;
  std::string server_libc;              ///< "glibc 2.36", empty when not known
  std::vector<Tablespace> tablespaces;  ///< all but pg_default and pg_global
  std::vector<std::string> unlogged;    ///< "shop.public.carts": empty after a restore
  std::vector<Shard> shards;
  StoredObject manifest;
  std::uint64_t plain_bytes = 0;   ///< of all files
  std::uint64_t stored_bytes = 0;  ///< of all objects
  std::string made_by;             ///< "pgkeel 0.1.0"

  [[nodiscard]] int major() const { return server_version_num / 10'000; }
  [[nodiscard]] pg::WalSegment first_segment() const {
    return pg::segment_of(timeline, start_lsn, wal_segment_bytes);
  }
  /// The segment that has to be there for consistency: the last one begun before stop_lsn.
  [[nodiscard]] pg::WalSegment last_segment() const {
    return pg::segment_of(timeline, Lsn(stop_lsn.value - 1), wal_segment_bytes);
  }
};

[[nodiscard]] std::string to_json(const Backup& backup);
/// Malformed; Unsupported when written by a newer format.
[[nodiscard]] Result<Backup> parse_backup(std::string_view json);

/// Backups of the store that are complete, oldest first. A damaged backup.json is an error that
/// names it; one without backup.json is not a backup (see Store::abandoned and expire).
[[nodiscard]] Result<std::vector<Backup>> list_backups(Store& store);
/// NotFound with the labels there are.
[[nodiscard]] Result<Backup> find_backup(Store& store, std::string_view label);

}  // namespace pgkeel::archive
