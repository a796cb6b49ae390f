// backup_manifest, which the server sends at the end of a base backup: every file with its size and
// checksum, and the WAL that replay needs. Versions 1 (13 to 16) and 2 (17 and later, which adds
// the system identifier). It guarantees: the manifest's own checksum was right, every path stays
// inside the data directory, no path occurs twice.
// https://www.postgresql.org/docs/current/backup-manifest-format.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "pg/file_checksum.hpp"

namespace pgkeel::pg {

/// What a reader takes at most: more than a million files.
inline constexpr std::size_t kBackupManifestBytesMax = 256U << 20U;

struct ManifestFile {
  std::string path;  ///< relative to the data directory; "pg_tblspc/16400/..." in a tablespace
  std::uint64_t size_bytes = 0;
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::None;
  std::string checksum;  ///< lower-case hex as FileChecksum makes it; empty for None
};

struct ManifestWalRange {
  TimelineId timeline;
  Lsn start;
  Lsn end;
};

struct BackupManifest {
  int version = 0;
  std::optional<SystemId> system_id;  ///< from version 2 on
  std::vector<ManifestFile> files;    ///< sorted by path
  std::vector<ManifestWalRange> wal_ranges;

  [[nodiscard]] const ManifestFile* find(std::string_view path) const;
};

/// Malformed when damaged or unsafe, Unsupported for a later version.
[[nodiscard]] Result<BackupManifest> parse_backup_manifest(std::string_view text);

}  // namespace pgkeel::pg
