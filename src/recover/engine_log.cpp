// See engine_log.hpp.
#include "recover/engine_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::uint64_t kBlockBytes = 512;  // of st_blocks

// A whole id: what else would be in a path is not taken for one.
bool is_its_log(const EngineLog& log) {
  return log.container.size() == kIdLength && log.file.is_absolute() &&
         log.file.string().contains(log.container) && log.file.extension() == ".log";
}

std::uint64_t on_disk(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
}

Result<runtime::Fd> open_log(const EngineLog& log, int flags) {
  if (!is_its_log(log))
    return fail(ErrorCode::Refused,
                fmt::format("{} is not the log of container {}", log.file.string(), log.container));
  runtime::Fd fd(::open(log.file.c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail_errno(errno, log.file.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, log.file.string());
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::Refused, fmt::format("{} is no plain file", log.file.string()));
  return fd;
}

}  // namespace

std::uint64_t engine_log_bytes(const EngineLog& log) {
  const auto fd = open_log(log, O_RDONLY);
  struct stat status{};
  return fd && ::fstat(fd->get(), &status) == 0 ? on_disk(status) : 0;
}

Result<std::uint64_t> empty_engine_log(const EngineLog& log, const std::filesystem::path& kept) {
  TRY(fd, open_log(log, O_WRONLY));
  TRY(end, runtime::read_file_tail(log.file, kEngineLogKept));
  TRY_VOID(runtime::write_file_atomic(kept, end));
  struct stat before{};
  struct stat after{};
  if (::fstat(fd.get(), &before) != 0) return fail_errno(errno, log.file.string());
  if (::ftruncate(fd.get(), 0) != 0) return fail_errno(errno, log.file.string());
  if (::fstat(fd.get(), &after) != 0) return fail_errno(errno, log.file.string());
  return on_disk(before) - std::min(on_disk(before), on_disk(after));
}

}  // namespace pgkeel::recover
