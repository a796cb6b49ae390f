// A base backup back on disk: shards in parallel, every file compared with the server's manifest
// while it is written, all of it synced at the end.
// It guarantees: success means every file of the manifest is there with its size and checksum, and
// nothing else. It writes only below directories that it made or found empty.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>

#include "archive/catalog/backup.hpp"
#include "pg/backup_manifest.hpp"
#include "runtime/account.hpp"

namespace pgkeel::archive {

/// What has been done so far; written by several threads, read by whoever shows it.
struct ExtractProgress {
  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> bytes{0};
};

struct ExtractRequest {
  Store* store = nullptr;
  const KeyRing* keys = nullptr;
  const Backup* backup = nullptr;
  std::filesystem::path into;                             ///< empty or absent
  std::map<Oid, std::filesystem::path> tablespaces = {};  ///< where each goes; all are needed
  std::filesystem::path config_into = {};                 ///< for part "config"; empty: left out
  std::optional<runtime::Account> owner = {};             ///< of the files; needs root
  int threads = 2;
  ExtractProgress* progress = nullptr;
  std::stop_token stop = {};
};

/// The backup's manifest, read from the store and compared with its digest.
[[nodiscard]] Result<pg::BackupManifest> read_manifest(Store& store, const KeyRing& keys,
                                                       const Backup& backup);

/// Refused when a directory to write into is not empty; Malformed with shard, file and what
/// differs; DiskFull; Cancelled.
Result<void> extract(const ExtractRequest& request);

}  // namespace pgkeel::archive
