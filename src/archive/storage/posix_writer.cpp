// See posix_writer.hpp. Order of a commit: content, fsync of the file, the directories, rename,
// fsync of the directory (the order PostgreSQL's durable_rename uses).
#include "archive/storage/posix_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

namespace pgkeel::archive {
namespace {

// One system call for so many bytes; small objects allocate less.
constexpr std::size_t kBufferBytes = 1U << 20U;
// The kernel begins to write out after so many, or the fsync at the end has all of it to do.
constexpr std::uint64_t kPushBytes = 8U << 20U;
// In a container the pid comes back, and a crash may have left that name: then the next number.
constexpr int kNamesTried = 100;
constexpr std::size_t kNamePartMax = 160;
// The target's directory may be removed as empty between making it and the rename.
constexpr int kRenamesTried = 5;

std::string space_left(int fd) {
  struct statvfs space{};
  if (::fstatvfs(fd, &space) != 0) return {};
  return fmt::format(" ({} free)", format_size(std::uint64_t{space.f_bavail} * space.f_frsize));
}

// For file systems that know no RENAME_NOREPLACE: a hard link replaces nothing either. Where there
// are none, look first; another process could slip in between, so this is only the last resort.
int rename_if_absent(int from_dir, const char* from, int to_dir, const char* to) {
  if (::linkat(from_dir, from, to_dir, to, 0) == 0)
    return ::unlinkat(from_dir, from, 0) == 0 ? 0 : errno;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  struct stat status{};
  if (::fstatat(to_dir, to, &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(from_dir, from, to_dir, to) == 0 ? 0 : errno;
}

}  // namespace

Result<std::unique_ptr<ObjectWriter>> PosixWriter::create(Directory& directory,
                                                          const std::string& key, Replace replace) {
  std::unique_ptr<PosixWriter> writer(new PosixWriter(directory, key, replace));
  TRY_VOID(writer->open_temporary());
  return writer;
}

PosixWriter::~PosixWriter() {
  if (!temporary_.empty()) ::unlinkat(temporary_directory_.get(), temporary_.c_str(), 0);
}

Result<void> PosixWriter::open_temporary() {
  static std::atomic<unsigned> sequence = 0;
  TRY(made, directory_.make(kTemporaryDirectory));
  temporary_directory_ = std::move(made);
  const auto part = split_key(key_).name.substr(0, kNamePartMax);
  for (int attempt = 0; attempt < kNamesTried; ++attempt) {
    auto name = fmt::format("{}-{}-{}", part, ::getpid(), sequence++);
    file_ = runtime::Fd(::openat(temporary_directory_.get(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.valid() && errno == EEXIST) continue;
    if (!file_.valid()) return failed(errno, "create a temporary file for");
    temporary_ = std::move(name);
    // Where locks are not supported the age alone tells whether a file is abandoned.
    static_cast<void>(::flock(file_.get(), LOCK_EX | LOCK_NB));
    return {};
  }
  return failed(EEXIST, "create a temporary file for");
}

Result<void> PosixWriter::write(ByteSpan bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) TRY_VOID(flush());
  if (bytes.size() >= kBufferBytes) return write_out(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<void> PosixWriter::flush() {
  TRY_VOID(write_out(buffer_));
  buffer_.clear();
  return {};
}

Result<void> PosixWriter::write_out(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    written_bytes_ += static_cast<std::uint64_t>(count);
  }
  if (written_bytes_ - pushed_bytes_ < kPushBytes) return {};
  static_cast<void>(::sync_file_range(file_.get(), static_cast<off_t>(pushed_bytes_),
                                      static_cast<off_t>(written_bytes_ - pushed_bytes_),
                                      SYNC_FILE_RANGE_WRITE));
  pushed_bytes_ = written_bytes_;
  return {};
}

Result<void> PosixWriter::commit() {
  if (temporary_.empty())
    return fail(ErrorCode::WrongState, fmt::format("{} was committed before", key_));
  TRY_VOID(flush());
  if (::fsync(file_.get()) != 0) return failed(errno, "fsync");
  return move_into_place();
}

Result<void> PosixWriter::move_into_place() {
  const auto target = split_key(key_);
  for (int attempt = 1;; ++attempt) {
    TRY(parent, directory_.make(target.directory));
    const int err = rename_to(parent.get(), target.name);
    if (err == ENOENT && attempt < kRenamesTried) continue;
    if (err == EEXIST && replace_ == Replace::Never) {
      return fail(ErrorCode::Refused, fmt::format("{} exists already in directory {} and is not "
                                                  "replaced",
                                                  key_, directory_.path().native()));
    }
    if (err != 0) return failed(err, "rename into place");
    temporary_.clear();
    file_.reset();
    return sync_descriptor(parent.get(), (directory_.path() / target.directory).native());
  }
}

int PosixWriter::rename_to(int target_directory, const std::string& name) const {
  const int from = temporary_directory_.get();
  if (replace_ == Replace::Always) {
    return ::renameat(from, temporary_.c_str(), target_directory, name.c_str()) == 0 ? 0 : errno;
  }
  if (::renameat2(from, temporary_.c_str(), target_directory, name.c_str(), RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return rename_if_absent(from, temporary_.c_str(), target_directory, name.c_str());
}

std::unexpected<Error> PosixWriter::failed(int err, std::string_view verb) const {
  auto error = Error::from_errno(
      err, fmt::format("{} {} in directory {}", verb, key_, directory_.path().native()));
  if (error.code == ErrorCode::DiskFull) error.detail += space_left(temporary_directory_.get());
  if (err == EXDEV)
    error.hint_override = "A directory inside the store is a mount of its own; mount the whole.";
  return fail(std::move(error));
}

}  // namespace pgkeel::archive
