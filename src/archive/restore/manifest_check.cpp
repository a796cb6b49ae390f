// See manifest_check.hpp.
#include "archive/restore/manifest_check.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::size_t kNamedMax = 3;

// basebackup.c does not list the manifest in itself.
bool left_out(std::string_view path) { return path == "backup_manifest"; }

}  // namespace

Result<const pg::ManifestFile*> ManifestCheck::expect(std::string_view path) {
  const auto* file = manifest_->find(path);
  if (file == nullptr && left_out(path)) return nullptr;
  if (file == nullptr)
    return fail(ErrorCode::Malformed, fmt::format("{} is not in the backup's manifest", path));
  const std::scoped_lock lock(mutex_);
  auto seen = seen_[static_cast<std::size_t>(file - manifest_->files.data())];
  if (seen) return fail(ErrorCode::Malformed, fmt::format("{} is there twice", path));
  seen = true;
  return file;
}

Result<void> ManifestCheck::compare(const pg::ManifestFile& file, std::uint64_t size_bytes,
                                    std::string_view checksum) {
  if (size_bytes != file.size_bytes)
    return fail(ErrorCode::Malformed, fmt::format("{} has {} bytes, its manifest says {}",
                                                  file.path, size_bytes, file.size_bytes));
  if (checksum != file.checksum)
    return fail(ErrorCode::Malformed,
                fmt::format("{} has another checksum than its manifest says", file.path));
  return {};
}

Result<void> ManifestCheck::all_seen() {
  const std::scoped_lock lock(mutex_);
  std::string missing;
  std::size_t count = 0;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) continue;
    if (++count <= kNamedMax) missing += (count == 1 ? "" : ", ") + manifest_->files[i].path;
  }
  if (count == 0) return {};
  return fail(ErrorCode::Malformed,
              fmt::format("{} of {} files of the manifest are missing: {}{}", count, seen_.size(),
                          missing, count > kNamedMax ? ", ..." : ""));
}

}  // namespace pgkeel::archive
