// Ticks off the files of a manifest as they are restored or verified, from several threads.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "pg/backup_manifest.hpp"

namespace pgkeel::archive {

class ManifestCheck {
 public:
  explicit ManifestCheck(const pg::BackupManifest& manifest)
      : manifest_(&manifest), seen_(manifest.files.size(), false) {}

  /// The entry of a file that now comes. Malformed when the manifest has none (and the file is not
  /// one that manifests leave out), or when it has come before. nullptr: not in manifests.
  Result<const pg::ManifestFile*> expect(std::string_view path);
  /// What came against what should have; Malformed.
  [[nodiscard]] static Result<void> compare(const pg::ManifestFile& file, std::uint64_t size_bytes,
                                            std::string_view checksum);
  /// After everything: Malformed with the first missing files.
  [[nodiscard]] Result<void> all_seen();

 private:
  const pg::BackupManifest* manifest_;
  std::mutex mutex_;
  std::vector<bool> seen_;
};

}  // namespace pgkeel::archive
