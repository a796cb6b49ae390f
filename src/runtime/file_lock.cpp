// FileLock over flock(2): the kernel drops it when the holder dies, however it dies.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/files.hpp"
#include "runtime/proc_text.hpp"

namespace pgkeel::runtime {
namespace {

namespace fs = std::filesystem;

// A note is one short line; what is longer was not written by us.
constexpr std::size_t kNoteBytesMax = 512;

Result<Fd> open_lockable(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR))
    fd = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open lock {}", path.native()));
  return fd;
}

// The holder's own words, or for a directory the pid that /proc/locks has for it.
std::string describe_holder(const Fd& fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    std::string note(kNoteBytesMax, '\0');
    const auto count = ::pread(fd.get(), note.data(), note.size(), 0);
    note.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!note.empty() && static_cast<unsigned char>(note.back()) <= ' ') note.pop_back();
    if (!note.empty()) return note;
  }
  const auto locks = read_file("/proc/locks", kProcTableBytesMax);
  const auto pid = locks ? find_lock_holder(*locks, status.st_ino) : std::nullopt;
  return pid ? fmt::format("pid {}", *pid) : "an unknown process";
}

Result<void> write_note(const Fd& fd, std::string_view note) {
  const auto line = fmt::format("{}\n", note.substr(0, kNoteBytesMax - 1));
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    return fail_errno(errno, "write who holds the lock");
  return {};
}

}  // namespace

Result<FileLock> FileLock::acquire(const fs::path& path, std::string_view note) {
  TRY(fd, open_lockable(path));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0)
    return fail_errno(errno, fmt::format("inspect lock {}", path.native()));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, fmt::format("lock {}", path.native()));
    return fail(ErrorCode::StateLocked,
                fmt::format("{} is locked by {}", path.native(), describe_holder(fd, status)));
  }
  if (S_ISREG(status.st_mode)) TRY_VOID(write_note(fd, note));
  return FileLock(std::move(fd));
}

Result<void> FileLock::rename_holder(std::string_view note) { return write_note(fd_, note); }

}  // namespace pgkeel::runtime
