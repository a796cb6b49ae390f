// See directory.hpp.
#include "archive/storage/directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace pgkeel::archive {
namespace {

using runtime::Fd;

constexpr std::size_t kSeenMax = 4096;  // forgetting only costs an fsync
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is_symlink(int parent, const std::string& name) {
  struct stat status{};
  return ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(status.st_mode);
}

Result<Fd> open_below(int parent, const std::string& name, std::string_view what) {
  Fd fd(::openat(parent, name.c_str(), kOpenFlags));
  if (fd.valid()) return fd;
  const int err = errno;
  if ((err == ENOTDIR || err == ELOOP) && is_symlink(parent, name)) {
    return fail(ErrorCode::Refused,
                fmt::format("{} is a symbolic link, which is not followed", what));
  }
  if (err == ENOTDIR) return fail(ErrorCode::NotFound, fmt::format("{} is no directory", what));
  return fail_errno(err, fmt::format("open directory {}", what));
}

// "a" and "a/b" of "a/b/c", with its length: what has been walked when the next part is opened.
std::string_view walked(std::string_view relative, std::size_t end) {
  return relative.substr(0, end);
}

std::size_t end_of_part(std::string_view relative, std::size_t begin) {
  const auto slash = relative.find('/', begin);
  return slash == std::string_view::npos ? relative.size() : slash;
}

}  // namespace

Result<Directory> Directory::open(const std::filesystem::path& root) {
  // The root itself may be a link: it is the user's own word.
  Fd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open directory {}", root.native()));
  return Directory(root, std::move(fd));
}

Result<Fd> Directory::find(std::string_view relative) const {
  TRY(current, open_below(root_.get(), ".", path_.native()));
  for (std::size_t begin = 0; begin < relative.size();) {
    const auto end = end_of_part(relative, begin);
    const std::string part(relative.substr(begin, end - begin));
    TRY(next, open_below(current.get(), part, (path_ / walked(relative, end)).native()));
    current = std::move(next);
    begin = end + 1;
  }
  return std::move(current);
}

Result<Fd> Directory::make(std::string_view relative) {
  TRY(current, open_below(root_.get(), ".", path_.native()));
  for (std::size_t begin = 0; begin < relative.size();) {
    const auto end = end_of_part(relative, begin);
    const auto upto = walked(relative, end);
    const auto full = (path_ / upto).native();
    const std::string part(relative.substr(begin, end - begin));
    const bool made = ::mkdirat(current.get(), part.c_str(), 0700) == 0;
    if (!made && errno != EEXIST)
      return fail_errno(errno, fmt::format("create directory {}", full));
    // Even where it existed: whoever made it may have died before its own fsync.
    if (made || !is_durable(upto)) {
      TRY_VOID(sync_descriptor(current.get(), full));
      note_durable(upto);
    }
    TRY(next, open_below(current.get(), part, full));
    current = std::move(next);
    begin = end + 1;
  }
  return std::move(current);
}

void Directory::remove_empty(std::string_view relative) {
  while (!relative.empty()) {
    const auto split = split_key(relative);
    const auto parent = find(split.directory);
    if (!parent) return;
    const std::scoped_lock lock(durable_->mutex);
    if (::unlinkat(parent->get(), split.name.c_str(), AT_REMOVEDIR) != 0) return;
    durable_->seen.erase(std::string(relative));
    relative = split.directory;
  }
}

bool Directory::is_durable(std::string_view relative) const {
  const std::scoped_lock lock(durable_->mutex);
  return durable_->seen.contains(relative);
}

void Directory::note_durable(std::string_view relative) {
  const std::scoped_lock lock(durable_->mutex);
  if (durable_->seen.size() >= kSeenMax) durable_->seen.clear();
  durable_->seen.emplace(relative);
}

SplitKey split_key(std::string_view key) {
  const auto slash = key.rfind('/');
  if (slash == std::string_view::npos) return {.directory = {}, .name = std::string(key)};
  return {.directory = key.substr(0, slash), .name = std::string(key.substr(slash + 1))};
}

Result<void> sync_descriptor(int fd, std::string_view what) {
  if (::fsync(fd) == 0 || errno == EINVAL) return {};
  return fail_errno(errno, fmt::format("fsync {}", what));
}

}  // namespace pgkeel::archive
