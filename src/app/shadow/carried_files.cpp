// See carried_files.hpp.
#include "app/shadow/carried_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "instance/search.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytesMax = 16U << 20U;  // more is no configuration
constexpr mode_t kModeBits = 07777;

// They say of one copy what is not true of another.
constexpr auto kServers = std::to_array<std::string_view>(
    {"PG_VERSION", "postmaster.pid", "backup_label", "backup_label.old", "tablespace_map",
     "tablespace_map.old", "backup_manifest", "current_logfiles", "standby.signal",
     "recovery.signal", "recovery.conf", "recovery.done"});

bool is_directory_of_server(std::string_view name) {
  return name == "base" || name == "global" || name == "log" || name.starts_with("pg_") ||
         name.starts_with("pgkeel");
}

Result<std::string> read_whole(const runtime::Fd& fd, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::size_t at = 0;
  while (at < bytes) {
    const auto got = ::pread(fd.get(), text.data() + at, bytes - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read");
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  text.resize(at);
  return text;
}

// The directory is another account's: what is not plainly that account's own file is not followed.
Result<void> carry(const fs::path& from, const fs::path& to, uid_t owner) {
  const runtime::Fd fd(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && errno == ELOOP) return {};
  if (!fd.valid()) return fail_errno(errno, "open " + from.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, from.string());
  const bool theirs = S_ISREG(status.st_mode) && status.st_nlink == 1 &&
                      (status.st_uid == owner || status.st_uid == 0);
  if (!theirs || static_cast<std::size_t>(status.st_size) > kBytesMax) return {};
  TRY(text, read_whole(fd, static_cast<std::size_t>(status.st_size)));
  runtime::FileMode mode{.mode = status.st_mode & kModeBits, .owner = {}};
  if (runtime::running_as_root()) {
    TRY(account, runtime::account_by_uid(status.st_uid));
    mode.owner = account;
    mode.owner->gid = status.st_gid;  // a key may be another group's
  }
  return runtime::write_file_atomic(to, text, mode);
}

}  // namespace

bool is_carried(std::string_view name) {
  return std::ranges::find(kServers, name) == kServers.end() && !name.starts_with("pgkeel") &&
         !name.starts_with(".pgkeel") && name != instance::kShadowMarker &&
         !name.ends_with(".log") && !name.starts_with("core");
}

std::string not_carried(const fs::path& from) {
  std::error_code error;
  for (fs::directory_iterator entry(from, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    const bool directory = entry->is_directory(error) && !is_directory_of_server(name);
    if (entry->is_symlink(error) || directory) return entry->path().string();
  }
  return {};
}

Result<void> carry_files(const fs::path& from, const fs::path& to) {
  struct stat directory{};
  if (::stat(from.c_str(), &directory) != 0) return fail_errno(errno, from.string());
  std::error_code error;
  for (fs::directory_iterator entry(from, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const auto name = entry->path().filename();
    if (is_carried(name.string())) TRY_VOID(carry(entry->path(), to / name, directory.st_uid));
  }
  if (error) return fail(ErrorCode::Io, "look into " + from.string() + ": " + error.message());
  return {};
}

}  // namespace pgkeel::app
