// Files done durably: a write is complete on disk or absent, a rename has reached the directory.
// Nothing here deletes a directory. Blocking calls; large ones go through Loop::run_blocking.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runtime/account.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::runtime {

/// The whole file; Malformed when it is larger than `bytes_max`, NotFound when it is absent.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t bytes_max);
/// The last `bytes_max` bytes, from the start of a line; empty file: empty string.
[[nodiscard]] Result<std::string> read_file_tail(const std::filesystem::path& path,
                                                 std::size_t bytes_max);
/// The bytes from `offset` on, at most `bytes_max`.
[[nodiscard]] Result<std::string> read_file_from(const std::filesystem::path& path,
                                                 std::uint64_t offset, std::size_t bytes_max);

struct FileMode {
  mode_t mode = 0600;
  std::optional<Account> owner;  ///< needs root
};
/// Writes beside, fsyncs, renames over, fsyncs the directory. On any failure the old file stays.
Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view content,
                               const FileMode& mode = {});
/// rename(2) that refuses to replace anything (RENAME_NOREPLACE) and fsyncs both directories.
Result<void> rename_durable(const std::filesystem::path& from, const std::filesystem::path& to);
Result<void> fsync_directory(const std::filesystem::path& path);
/// Creates the directory (one level, parents must exist) or accepts it; sets mode and owner when
/// it made it.
Result<void> ensure_directory(const std::filesystem::path& path, const FileMode& mode);

/// An advisory lock held until destruction or process death.
class FileLock {
 public:
  /// Takes flock(2) on `path` (created 0600 when absent) without waiting. StateLocked, with the
  /// holder's own words (the file's content) in the detail, when another has it. `note` is written
  /// into the file: who we are, for the next one's message. Never writes when `path` is a
  /// directory.
  static Result<FileLock> acquire(const std::filesystem::path& path, std::string_view note);
  /// What another process acquired and has passed on (SCM_RIGHTS): one lock, which both hold until
  /// the last of them lets go.
  static FileLock passed_on(Fd fd) { return FileLock(std::move(fd)); }
  [[nodiscard]] int descriptor() const { return fd_.get(); }
  /// Who holds it now, in place of acquire()'s note; not of a directory.
  Result<void> rename_holder(std::string_view note);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

struct DiskSpace {
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_free = 0;  ///< to an unprivileged user
  std::uint64_t inodes_total = 0;
  std::uint64_t inodes_free = 0;
};
[[nodiscard]] Result<DiskSpace> disk_space(const std::filesystem::path& path);

/// Which file system a path is on; equal identities mean the same file system was mounted.
struct FilesystemId {
  std::string type;         ///< ext4, xfs, tmpfs, overlay
  std::string uuid;         ///< from /dev/disk/by-uuid where the device is listed, else empty
  std::uint64_t fsid = 0;   ///< statfs f_fsid; stable across remounts on ext4 and btrfs
  std::string mount_point;  ///< from /proc/self/mountinfo
  std::string device;       ///< mount source, e.g. /dev/sda1
  friend bool operator==(const FilesystemId&, const FilesystemId&) = default;
};
[[nodiscard]] Result<FilesystemId> filesystem_of(const std::filesystem::path& path);

/// (device, inode) of a path, by which a directory is known again after a rename.
struct InodeId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const InodeId&, const InodeId&) = default;
};
[[nodiscard]] Result<InodeId> inode_of(const std::filesystem::path& path);

}  // namespace pgkeel::runtime
