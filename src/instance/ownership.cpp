// See ownership.hpp.
#include "instance/ownership.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include <fmt/format.h>

#include "runtime/fd.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using runtime::Fd;

constexpr int kDepthMax = 16;  // base/OID/file and tablespaces need five
using Directory = std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })>;

struct Entry {
  int fd;  ///< O_PATH
  const struct stat& status;
  fs::path path;
};

std::unexpected<Error> refused(const fs::path& path, std::string_view why) {
  return fail(ErrorCode::Refused, fmt::format("{} {}", path.string(), why));
}

Result<void> judge_kind(const fs::path& path, const struct stat& status, dev_t device) {
  if (status.st_dev != device) return refused(path, "is on another file system");
  if (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)) return {};
  if (S_ISSOCK(status.st_mode)) return {};  // a server's own, left by a crash
  if (!S_ISREG(status.st_mode)) return refused(path, "is a device or a pipe");
  if (status.st_nlink > 1) return refused(path, "has a second hard link elsewhere");
  return {};
}

template <class Visit>
Result<void> walk(int parent, const std::string& name, const fs::path& path, dev_t device,
                  int depth, const Visit& visit);

template <class Visit>
Result<void> walk_below(int parent, const std::string& name, const fs::path& path, dev_t device,
                        int depth, const Visit& visit) {
  if (depth >= kDepthMax) return refused(path, "is nested deeper than any data directory");
  Fd opened(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.valid()) return fail_errno(errno, "read directory " + path.string());
  const int fd = opened.get();
  const Directory dir(::fdopendir(opened.release()));
  if (!dir) return fail_errno(errno, "read directory " + path.string());
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string below = entry->d_name;
    if (below == "." || below == "..") continue;
    TRY_VOID(walk(fd, below, path / below, device, depth + 1, visit));
  }
  return {};
}

// The directory itself last: until then it tells that the walk is not over.
template <class Visit>
Result<void> walk(int parent, const std::string& name, const fs::path& path, dev_t device,
                  int depth, const Visit& visit) {
  const Fd fd(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? Result<void>() : fail_errno(errno, path.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, path.string());
  TRY_VOID(judge_kind(path, status, device));
  if (S_ISDIR(status.st_mode)) TRY_VOID(walk_below(parent, name, path, device, depth, visit));
  return visit(Entry{fd.get(), status, path});
}

template <class Visit>
Result<void> walk_tree(const fs::path& data_dir, const Visit& visit) {
  struct stat status{};
  if (::lstat(data_dir.c_str(), &status) != 0) return fail_errno(errno, data_dir.string());
  if (!S_ISDIR(status.st_mode)) return refused(data_dir, "is no directory");
  return walk(AT_FDCWD, data_dir.string(), data_dir, status.st_dev, 0, visit);
}

}  // namespace

Result<OwnerSurvey> survey_owners(const fs::path& data_dir, uid_t right) {
  OwnerSurvey survey;
  const auto count = [&](const Entry& entry) -> Result<void> {
    ++survey.entries;
    const auto uid = entry.status.st_uid;
    if (uid == right) return {};
    ++survey.foreign;
    if (survey.foreign_uid.value_or(uid) != uid)
      return refused(entry.path,
                     fmt::format("is of user {}, others are of user {}", uid, *survey.foreign_uid));
    survey.foreign_uid = uid;
    return {};
  };
  TRY_VOID(walk_tree(data_dir, count));
  return survey;
}

Result<std::uint64_t> give_owner(const fs::path& data_dir, uid_t from, Owner to) {
  std::uint64_t given = 0;
  const auto give = [&](const Entry& entry) -> Result<void> {
    if (entry.status.st_uid != from) return {};
    if (::fchownat(entry.fd, "", to.uid, to.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(errno, "change the owner of " + entry.path.string());
    ++given;
    return {};
  };
  TRY_VOID(walk_tree(data_dir, give));
  return given;
}

}  // namespace pgkeel::instance
