// See ballast.hpp.
#include "recover/ballast.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include <fmt/format.h>

#include "instance/swap.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using runtime::Fd;

constexpr std::string_view kWords =
    "pgkeel keeps this room for a disk that is full; it may be removed.\n";

bool begins_with_words(int fd) {
  char read[kWords.size()];
  return ::pread(fd, read, sizeof read, 0) == static_cast<ssize_t>(sizeof read) &&
         std::string_view(read, sizeof read) == kWords;
}

// A file of the name that is ours: regular, of one name, with our words.
bool is_ours(const fs::path& file, struct stat& status) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return fd.valid() && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_nlink == 1 && begins_with_words(fd.get());
}

Result<void> fill(const fs::path& file, const Fd& fd, std::uint64_t bytes) {
  const auto size = static_cast<off_t>(bytes);
  if (::pwrite(fd.get(), kWords.data(), kWords.size(), 0) != static_cast<ssize_t>(kWords.size()))
    return fail_errno(errno, "write " + file.string());
  if (const int error = ::posix_fallocate(fd.get(), 0, size); error != 0)
    return fail_errno(error, "reserve " + file.string());
  return {};
}

struct Near {
  fs::path file;
  instance::SwapManner manner;
};

std::optional<Near> near(const fs::path& directory) {
  std::error_code error;
  const auto place = fs::canonical(directory, error);
  if (error) return std::nullopt;
  const auto manner = instance::swap_manner(place);
  if (!manner) return std::nullopt;
  return Near{instance::near_place(place, *manner, "ballast"), *manner};
}

bool on_another_disk(const fs::path& one, const fs::path& other) {
  struct stat first{};
  struct stat second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev != second.st_dev;
}

}  // namespace

std::vector<fs::path> ballast_files(const fs::path& data_dir) {
  std::vector<fs::path> files;
  // A base backup reads whatever is in the data directory, and fails on what it may not read.
  const auto beside = near(data_dir);
  if (beside && beside->manner == instance::SwapManner::Whole) files.push_back(beside->file);
  const auto wal = data_dir / "pg_wal";
  if (!on_another_disk(data_dir, wal)) return files;
  if (const auto room = near(wal)) files.push_back(room->file);
  return files;
}

std::uint64_t ballast_at(const fs::path& file) {
  struct stat status{};
  return is_ours(file, status) ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<void> make_ballast(const fs::path& file, std::uint64_t bytes) {
  TRY(room, runtime::disk_space(file.parent_path()));
  if (room.bytes_free < kRoomFor * bytes)
    return fail(ErrorCode::DiskFull, fmt::format("only {} bytes are free at {}", room.bytes_free,
                                                 file.parent_path().string()));
  const Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "create " + file.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, file.string());
  const bool fresh = S_ISREG(status.st_mode) && status.st_size == 0 && status.st_nlink == 1;
  if (!fresh && !is_ours(file, status))
    return fail(ErrorCode::Refused, file.string() + " is not a file of pgkeel's");
  if (static_cast<std::uint64_t>(status.st_size) >= bytes) return {};
  return fill(file, fd, bytes);
}

Result<std::uint64_t> release_ballast(const fs::path& file) {
  const auto bytes = ballast_at(file);
  if (bytes == 0) return fail(ErrorCode::NotFound, "no ballast at " + file.string());
  if (::unlink(file.c_str()) != 0) return fail_errno(errno, "remove " + file.string());
  return bytes;
}

}  // namespace pgkeel::recover
