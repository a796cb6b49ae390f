// See posix.hpp; writing is in posix_writer.cpp, the walk without links in directory.cpp.
#include "archive/storage/posix.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "archive/storage/directory.hpp"
#include "archive/storage/posix_writer.hpp"

namespace pgkeel::archive {
namespace {

using runtime::Fd;

// A week of WAL at 100 MB/s is four million segments; beyond that something else is wrong.
constexpr std::size_t kListMax = 8'000'000;
constexpr std::string_view kLostAndFound = "lost+found";

ObjectInfo info_of(std::string key, const struct stat& status) {
  const auto since_epoch =
      Seconds(status.st_mtim.tv_sec) + std::chrono::duration_cast<std::chrono::microseconds>(
                                           std::chrono::nanoseconds(status.st_mtim.tv_nsec));
  return {.key = std::move(key),
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_at = WallTime(since_epoch)};
}

/// The entries of one directory. Unlike std::filesystem it reads an open descriptor.
Result<std::vector<std::string>> names_in(Fd directory, std::string_view what) {
  struct Closer {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, Closer> dir(::fdopendir(directory.get()));
  if (!dir) return fail_errno(errno, fmt::format("read directory {}", what));
  directory.release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr && errno != 0)
      return fail_errno(errno, fmt::format("read directory {}", what));
    if (entry == nullptr) return names;
    if (entry->d_name[0] != '.') names.emplace_back(&entry->d_name[0]);
    if (names.size() > kListMax)
      return fail(ErrorCode::Malformed, fmt::format("{} holds too many files", what));
  }
}

class PosixReader final : public ObjectReader {
 public:
  PosixReader(Fd file, std::string what, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), what_(std::move(what)), offset_(offset), left_(size - offset) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    const auto wanted = std::min<std::uint64_t>(into.size(), left_);
    if (wanted == 0) return 0;
    ssize_t count = -1;
    do {
      count = ::pread(file_.get(), into.data(), wanted, static_cast<off_t>(offset_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return fail_errno(errno, fmt::format("read {}", what_));
    if (count == 0) {
      return fail(ErrorCode::Malformed,
                  fmt::format("{} ends {} bytes early, at {}", what_, left_, offset_));
    }
    offset_ += static_cast<std::uint64_t>(count);
    left_ -= static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }

 private:
  Fd file_;
  std::string what_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

class PosixStore final : public Store {
 public:
  explicit PosixStore(Directory directory) : directory_(std::move(directory)) {}

  Result<std::unique_ptr<ObjectWriter>> create(const std::string& key, Replace replace) override;
  Result<std::unique_ptr<ObjectReader>> open(const std::string& key, std::uint64_t offset) override;
  Result<std::optional<ObjectInfo>> stat(const std::string& key) override;
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override;
  Result<void> remove(const std::string& key) override;
  Result<std::vector<ObjectInfo>> abandoned(Millis age) override;
  Result<void> remove_abandoned(const ObjectInfo& leftover) override;
  [[nodiscard]] std::string describe() const override {
    return fmt::format("directory {}", directory_.path().native());
  }

 private:
  [[nodiscard]] std::unexpected<Error> absent(const std::string& key) const {
    return fail(ErrorCode::NotFound, fmt::format("{} is not in {}", key, describe()));
  }
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return (directory_.path() / key).native();
  }
  Result<void> walk(const std::string& directory, std::string_view prefix,
                    std::vector<ObjectInfo>& found);
  Result<void> visit(int parent, std::string key, std::string_view prefix,
                     std::vector<ObjectInfo>& found);

  Directory directory_;
};

Result<std::unique_ptr<ObjectWriter>> PosixStore::create(const std::string& key, Replace replace) {
  TRY_VOID(check_key(key));
  TRY(present, stat(key));
  // The rename looks again; this only saves the work.
  if (present && replace == Replace::Never) {
    return fail(ErrorCode::Refused,
                fmt::format("{} exists already in {} and is not replaced", key, describe()));
  }
  return PosixWriter::create(directory_, key, replace);
}

Result<std::unique_ptr<ObjectReader>> PosixStore::open(const std::string& key,
                                                       std::uint64_t offset) {
  TRY_VOID(check_key(key));
  const auto split = split_key(key);
  auto parent = directory_.find(split.directory);
  if (!parent && parent.error().code == ErrorCode::NotFound) return absent(key);
  if (!parent) return fail(std::move(parent).error());
  Fd file(::openat(parent->get(), split.name.c_str(),
                   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file.valid() && errno == ENOENT) return absent(key);
  if (!file.valid() && errno == ELOOP) {
    return fail(ErrorCode::Refused,
                fmt::format("{} is a symbolic link, which is not followed", path_of(key)));
  }
  if (!file.valid()) return fail_errno(errno, fmt::format("open {}", path_of(key)));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0)
    return fail_errno(errno, fmt::format("inspect {}", path_of(key)));
  if (!S_ISREG(status.st_mode)) return absent(key);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset > size) {
    return fail(ErrorCode::Malformed, fmt::format("{} has {} bytes and was asked for those from {}",
                                                  path_of(key), size, offset));
  }
  static_cast<void>(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL));
  return std::make_unique<PosixReader>(std::move(file), path_of(key), offset, size);
}

Result<std::optional<ObjectInfo>> PosixStore::stat(const std::string& key) {
  TRY_VOID(check_key(key));
  const auto split = split_key(key);
  auto parent = directory_.find(split.directory);
  if (!parent && parent.error().code == ErrorCode::NotFound) return std::nullopt;
  if (!parent) return fail(std::move(parent).error());
  struct stat status{};
  if (::fstatat(parent->get(), split.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail_errno(errno, fmt::format("inspect {}", path_of(key)));
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return info_of(key, status);
}

Result<std::vector<ObjectInfo>> PosixStore::list(const std::string& prefix) {
  std::vector<ObjectInfo> found;
  TRY_VOID(walk(std::string(split_key(prefix).directory), prefix, found));
  std::ranges::sort(found, {}, &ObjectInfo::key);
  return found;
}

Result<void> PosixStore::walk(const std::string& directory, std::string_view prefix,
                              std::vector<ObjectInfo>& found) {
  if (!directory.empty() && !check_key(directory)) return {};
  auto opened = directory_.find(directory);
  // Absent, or removed since its name was read.
  if (!opened && opened.error().code == ErrorCode::NotFound) return {};
  if (!opened) return fail(std::move(opened).error());
  Fd reading(::openat(opened->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!reading.valid()) return fail_errno(errno, fmt::format("open {}", path_of(directory)));
  TRY(names, names_in(std::move(reading), path_of(directory)));
  for (const auto& name : names) {
    if (directory.empty() && name == kLostAndFound) continue;
    auto key = directory.empty() ? name : fmt::format("{}/{}", directory, name);
    TRY_VOID(visit(opened->get(), std::move(key), prefix, found));
  }
  return {};
}

// A name that is no key was put there by somebody else.
Result<void> PosixStore::visit(int parent, std::string key, std::string_view prefix,
                               std::vector<ObjectInfo>& found) {
  const bool below = key.starts_with(prefix);
  if (!check_key(key) || (!below && !prefix.starts_with(key + "/"))) return {};
  struct stat status{};
  if (::fstatat(parent, split_key(key).name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, fmt::format("inspect {}", path_of(key)));
  }
  if (S_ISDIR(status.st_mode)) return walk(key, prefix, found);
  if (!S_ISREG(status.st_mode) || !below) return {};
  if (found.size() >= kListMax)
    return fail(ErrorCode::Malformed, fmt::format("{} holds too many objects", describe()));
  found.push_back(info_of(std::move(key), status));
  return {};
}

Result<void> PosixStore::remove(const std::string& key) {
  TRY_VOID(check_key(key));
  const auto split = split_key(key);
  auto parent = directory_.find(split.directory);
  if (!parent && parent.error().code == ErrorCode::NotFound) return {};
  if (!parent) return fail(std::move(parent).error());
  if (::unlinkat(parent->get(), split.name.c_str(), 0) != 0) {
    if (errno == ENOENT || errno == EISDIR) return {};
    return fail_errno(errno, fmt::format("remove {}", path_of(key)));
  }
  // Callers rely on the order: a backup's description is gone before its parts are.
  TRY_VOID(sync_descriptor(parent->get(), path_of(split.directory)));
  directory_.remove_empty(split.directory);
  return {};
}

Result<std::vector<ObjectInfo>> PosixStore::abandoned(Millis age) {
  auto temporary = directory_.find(kTemporaryDirectory);
  if (!temporary && temporary.error().code == ErrorCode::NotFound) return std::vector<ObjectInfo>{};
  if (!temporary) return fail(std::move(temporary).error());
  Fd reading(::openat(temporary->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!reading.valid())
    return fail_errno(errno, fmt::format("open {}", path_of(kTemporaryDirectory)));
  TRY(names, names_in(std::move(reading), path_of(kTemporaryDirectory)));
  std::vector<ObjectInfo> found;
  const auto old = wall_now() - age;
  for (const auto& name : names) {
    const Fd file(::openat(temporary->get(), name.c_str(),
                           O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    if (!file.valid() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    // Its writer lives and is only slow.
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;
    auto info = info_of(fmt::format("{}/{}", kTemporaryDirectory, name), status);
    if (info.modified_at <= old) found.push_back(std::move(info));
  }
  std::ranges::sort(found, {}, &ObjectInfo::key);
  return found;
}

Result<void> PosixStore::remove_abandoned(const ObjectInfo& leftover) {
  const auto split = split_key(leftover.key);
  if (split.directory != kTemporaryDirectory || !check_key(split.name)) {
    return fail(ErrorCode::Refused,
                fmt::format("{} is no temporary file of {}", leftover.key, describe()));
  }
  TRY(temporary, directory_.find(kTemporaryDirectory));
  if (::unlinkat(temporary.get(), split.name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno(errno, fmt::format("remove {}", path_of(leftover.key)));
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_posix_store(const std::filesystem::path& root) {
  TRY(directory, Directory::open(root));
  return std::make_unique<PosixStore>(std::move(directory));
}

}  // namespace pgkeel::archive
