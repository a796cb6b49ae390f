// Reading, and writing that a power cut cannot halve. Order of an atomic write: content, fsync of
// the file, rename, fsync of the directory (the order PostgreSQL's durable_rename uses).
#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

namespace pgkeel::runtime {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> fail_path(int err, std::string_view verb, const fs::path& path) {
  return fail_errno(err, fmt::format("{} {}", verb, path.native()));
}

// Only regular files: a fifo or a device in a directory of another user could block us for ever.
Result<Fd> open_regular(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return fail_path(errno, "open", path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_path(errno, "inspect", path);
  if (S_ISREG(status.st_mode)) return fd;
  return fail(ErrorCode::Malformed, fmt::format("{} is not a regular file", path.native()));
}

Result<std::string> read_at_most(const Fd& fd, const fs::path& path, std::size_t bytes_max) {
  constexpr std::size_t kChunkBytes = 65536;
  std::string content;
  while (content.size() < bytes_max) {
    const auto old_size = content.size();
    const auto chunk = std::min(kChunkBytes, bytes_max - old_size);
    ssize_t count = 0;
    content.resize_and_overwrite(old_size + chunk, [&](char* at, std::size_t) {
      count = ::read(fd.get(), at + old_size, chunk);
      return old_size + (count > 0 ? static_cast<std::size_t>(count) : 0);
    });
    if (count < 0 && errno != EINTR) return fail_path(errno, "read", path);
    if (count == 0) break;
  }
  return content;
}

Result<void> write_all(const Fd& fd, const fs::path& path, std::string_view content) {
  while (!content.empty()) {
    const auto count = ::write(fd.get(), content.data(), content.size());
    if (count < 0 && errno != EINTR) return fail_path(errno, "write", path);
    if (count > 0) content.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A file beside the target that goes away unless keep() is called.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(const fs::path& target) {
    // A crash may leave one behind, and in a container the pid comes back: then the next number.
    constexpr int kNamesTried = 100;
    static std::atomic<unsigned> sequence = 0;
    for (int attempt = 0; attempt < kNamesTried; ++attempt) {
      auto path = parent_of(target) /
                  fmt::format(".{}.{}-{}.tmp", target.filename().native(), ::getpid(), sequence++);
      Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (fd.valid()) return TemporaryFile(std::move(path), std::move(fd));
      if (errno != EEXIST) return fail_path(errno, "create a file beside", target);
    }
    return fail_path(EEXIST, "create a file beside", target);
  }
  TemporaryFile(TemporaryFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] const Fd& fd() const { return fd_; }
  void keep() { path_.clear(); }

 private:
  TemporaryFile(fs::path path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  fs::path path_;
  Fd fd_;
};

Result<void> set_mode(const Fd& fd, const fs::path& path, const FileMode& mode) {
  if (mode.owner && ::fchown(fd.get(), mode.owner->uid, mode.owner->gid) != 0)
    return fail_path(errno, fmt::format("give to {}:", mode.owner->name), path);
  if (::fchmod(fd.get(), mode.mode) != 0) return fail_path(errno, "set the mode of", path);
  return {};
}

// For file systems that know no RENAME_NOREPLACE (NFS, some FUSE): look first. Another process
// could slip in between, so this is only the fall-back.
int rename_if_absent(const fs::path& from, const fs::path& to) {
  struct stat status{};
  if (::lstat(to.c_str(), &status) == 0) return EEXIST;
  if (errno != ENOENT) return errno;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  TRY(fd, open_regular(path));
  TRY(content, read_at_most(fd, path, bytes_max + 1));
  if (content.size() <= bytes_max) return std::move(content);
  return fail(ErrorCode::Malformed,
              fmt::format("{} is larger than {} bytes", path.native(), bytes_max));
}

Result<std::string> read_file_from(const fs::path& path, std::uint64_t offset,
                                   std::size_t bytes_max) {
  TRY(fd, open_regular(path));
  if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    return fail_path(errno, "seek in", path);
  return read_at_most(fd, path, bytes_max);
}

Result<std::string> read_file_tail(const fs::path& path, std::size_t bytes_max) {
  TRY(fd, open_regular(path));
  const auto size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return fail_path(errno, "seek in", path);
  // One byte more than asked: it tells whether the tail begins at the start of a line.
  const auto wanted = static_cast<off_t>(bytes_max) + 1;
  if (::lseek(fd.get(), std::max<off_t>(0, size - wanted), SEEK_SET) < 0)
    return fail_path(errno, "seek in", path);
  TRY(content, read_at_most(fd, path, bytes_max + 1));
  if (size < wanted) return std::move(content);
  const auto line_end = content.find('\n');
  return line_end == std::string::npos ? content.substr(1) : content.substr(line_end + 1);
}

Result<void> write_file_atomic(const fs::path& path, std::string_view content,
                               const FileMode& mode) {
  TRY(temporary, TemporaryFile::create(path));
  TRY_VOID(set_mode(temporary.fd(), path, mode));
  TRY_VOID(write_all(temporary.fd(), path, content));
  if (::fsync(temporary.fd().get()) != 0) return fail_path(errno, "fsync", path);
  if (::rename(temporary.path().c_str(), path.c_str()) != 0)
    return fail_path(errno, "rename into place", path);
  temporary.keep();
  return fsync_directory(parent_of(path));
}

Result<void> rename_durable(const fs::path& from, const fs::path& to) {
  int err = 0;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) err = errno;
  if (err == EINVAL || err == ENOSYS) err = rename_if_absent(from, to);
  if (err == EEXIST) {
    return fail(ErrorCode::Refused, fmt::format("rename {}: {} exists already and is not replaced",
                                                from.native(), to.native()));
  }
  if (err != 0) return fail_errno(err, fmt::format("rename {} to {}", from.native(), to.native()));
  TRY_VOID(fsync_directory(parent_of(to)));
  if (parent_of(from) != parent_of(to)) return fsync_directory(parent_of(from));
  return {};
}

Result<void> fsync_directory(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_path(errno, "open directory", path);
  // Some network file systems answer EINVAL: they have no directory to sync.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return fail_path(errno, "fsync directory", path);
  return {};
}

Result<void> ensure_directory(const fs::path& path, const FileMode& mode) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return fail_path(errno, "create directory", path);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return fail_path(errno, "inspect", path);
    if (S_ISDIR(status.st_mode)) return {};
    return fail(ErrorCode::WrongState,
                fmt::format("{} exists and is not a directory", path.native()));
  }
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return fail_path(errno, "open directory", path);
  TRY_VOID(set_mode(fd, path, mode));
  return fsync_directory(parent_of(path));
}

}  // namespace pgkeel::runtime
