// See file_watch.hpp.
#include "runtime/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace pgkeel::runtime {
namespace {

constexpr std::uint32_t kChanges = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;
constexpr std::size_t kEventBytesMax = 4096;

// A file watched by name has events without names: all of one size.
bool tells_end(std::span<const char> events) {
  inotify_event event{};
  for (std::size_t at = 0; at + sizeof event <= events.size(); at += sizeof event + event.len) {
    std::memcpy(&event, events.subspan(at).data(), sizeof event);
    if ((event.mask & kGone) != 0) return true;
  }
  return false;
}

}  // namespace

Result<FileWatch> FileWatch::create(const std::filesystem::path& file) {
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.valid()) return fail_errno(errno, "watch files");
  if (::inotify_add_watch(fd.get(), file.c_str(), kChanges) < 0)
    return fail_errno(errno, "watch " + file.string());
  return FileWatch(std::move(fd));
}

Task<Result<bool>> FileWatch::changed(Loop& loop, SteadyTime deadline, std::stop_token stop) {
  alignas(inotify_event) std::array<char, kEventBytesMax> buffer{};
  while (true) {
    const auto count = ::read(fd_.get(), buffer.data(), buffer.size());
    if (count > 0) co_return !tells_end(std::span(buffer).first(static_cast<std::size_t>(count)));
    if (count < 0 && errno != EAGAIN && errno != EINTR) co_return fail_errno(errno, "watch a file");
    CO_TRY_VOID(co_await loop.wait_readable(fd_.get(), deadline, stop));
  }
}

}  // namespace pgkeel::runtime
