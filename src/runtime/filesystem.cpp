// Which file system a path is on, how full it is, and which inode it names.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "runtime/files.hpp"
#include "runtime/mount_table.hpp"
#include "runtime/proc_text.hpp"

namespace pgkeel::runtime {
namespace {

namespace fs = std::filesystem;

// The device number of the block device behind a mount: of the source where it is a device (btrfs
// gives its files an anonymous number), else of the path.
dev_t block_device_of(const std::string& source, const struct stat& path_status) {
  struct stat status{};
  const bool is_device =
      source.starts_with('/') && ::stat(source.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  return is_device ? status.st_rdev : path_status.st_dev;
}

// Empty where udev keeps no list: containers, small virtual machines.
std::string uuid_of(dev_t device) {
  std::error_code error;
  for (fs::directory_iterator entry("/dev/disk/by-uuid", error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat status{};
    if (::stat(entry->path().c_str(), &status) == 0 && S_ISBLK(status.st_mode) &&
        status.st_rdev == device)
      return entry->path().filename().native();
  }
  return {};
}

}  // namespace

Result<DiskSpace> disk_space(const fs::path& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("measure the disk of {}", path.native()));
  return DiskSpace{.bytes_total = status.f_blocks * status.f_frsize,
                   .bytes_free = status.f_bavail * status.f_frsize,
                   .inodes_total = status.f_files,
                   .inodes_free = status.f_favail};
}

Result<FilesystemId> filesystem_of(const fs::path& path) {
  std::error_code error;
  const auto canonical = fs::canonical(path, error);
  if (error) return fail_errno(error.value(), fmt::format("resolve {}", path.native()));
  struct stat status{};
  struct statfs filesystem{};
  if (::stat(canonical.c_str(), &status) != 0 || ::statfs(canonical.c_str(), &filesystem) != 0)
    return fail_errno(errno, fmt::format("inspect {}", canonical.native()));
  TRY(table, read_file("/proc/self/mountinfo", kProcTableBytesMax));
  const auto mounts = parse_mountinfo(table);
  const auto* mount = find_mount(mounts, canonical.native());
  if (mount == nullptr)
    return fail(ErrorCode::NotFound, fmt::format("no mount holds {}", canonical.native()));
  FilesystemId id{.type = mount->type,
                  .uuid = uuid_of(block_device_of(mount->source, status)),
                  .fsid = 0,
                  .mount_point = mount->mount_point,
                  .device = mount->source};
  static_assert(sizeof filesystem.f_fsid == sizeof id.fsid);
  std::memcpy(&id.fsid, &filesystem.f_fsid, sizeof id.fsid);
  return id;
}

Result<InodeId> inode_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("inspect {}", path.native()));
  return InodeId{status.st_dev, status.st_ino};
}

}  // namespace pgkeel::runtime
