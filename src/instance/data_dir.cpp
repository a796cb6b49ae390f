// See data_dir.hpp. The list of what must be there follows checkDataDir (postmaster.c) and
// ValidateXLOGDirectoryStructure (xlog.c); dangling tablespace links are refused in addition,
// because crash recovery would build empty directories in the place of an unmounted volume.
#include "instance/data_dir.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <span>

#include "instance/fence.hpp"
#include "instance/swap.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr int kControlReadsMax = 3;  // a torn read of one page cannot repeat by chance
constexpr std::size_t kVersionBytesMax = 64;
constexpr std::string_view kMadeByMkfs = "lost+found";
constexpr int kTablespacesMax = 1000;
constexpr int kKeptNamedMax = 8;  // directories in one sentence
constexpr std::array kDirectories = {"base", "global", "pg_wal", "pg_xact"};
constexpr std::array kFilesOfOneOwner = {"PG_VERSION", "global/pg_control", "base", "pg_wal"};

using Directory = std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })>;

// Calls `visit` with each name but "." and ".." until it returns false.
template <class Visit>
Result<void> each_entry(const fs::path& path, Visit visit) {
  const Directory dir(::opendir(path.c_str()));
  if (!dir) return fail_errno(errno, "read directory " + path.string());
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (!visit(name)) break;
  }
  return {};
}

// lost+found is what mkfs leaves: a fresh volume is empty, not foreign. So is one that holds
// nothing but what was set aside in it, or is being restored.
Result<bool> holds_nothing(const fs::path& path) {
  bool empty = true;
  TRY_VOID(each_entry(path, [&empty](std::string_view name) {
    empty = stays_in_place(name);
    return empty;
  }));
  return empty;
}

std::string missing_part(const fs::path& path) {
  struct stat link{};
  if (::lstat(path.c_str(), &link) != 0)
    return path.filename().string() + (errno == ENOENT ? " is missing" : " cannot be looked at");
  std::error_code error;
  return path.filename().string() + " points to " + fs::read_symlink(path, error).string() +
         ", which does not exist";
}

std::string dangling_tablespace(const fs::path& data_dir) {
  std::string found;
  int seen = 0;
  const fs::path tablespaces = data_dir / "pg_tblspc";
  static_cast<void>(each_entry(tablespaces, [&](std::string_view name) {
    struct stat target{};
    if (::stat((tablespaces / name).c_str(), &target) != 0 && errno == ENOENT)
      found = "tablespace " + missing_part(tablespaces / name);
    return found.empty() && ++seen < kTablespacesMax;
  }));
  return found;
}

// The first thing without which the server would not start, or should not.
std::string incompleteness(const fs::path& data_dir, const DataDirFacts& facts) {
  if (facts.major == 0) return "PG_VERSION is missing or no number";
  struct stat found{};
  for (const char* name : kDirectories)
    if (::stat((data_dir / name).c_str(), &found) != 0) return missing_part(data_dir / name);
  if (!facts.fenced.empty()) return facts.fenced;
  if (facts.control_error && facts.control_error->code == ErrorCode::NotFound)
    return "global/pg_control is missing";
  return dangling_tablespace(data_dir);
}

// In a mount point directories are put aside and brought in entry by entry: where that was
// interrupted, the rest is in one of these.
std::string kept_within(const fs::path& path) {
  std::string names;
  int seen = 0;
  static_cast<void>(each_entry(path, [&](std::string_view name) {
    struct stat found{};
    const auto entry = path / name;
    if (name == kMadeByMkfs || !stays_in_place(name)) return true;
    if (::stat(entry.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return true;
    names += (names.empty() ? "" : ", ") + entry.string();
    return ++seen < kKeptNamedMax;
  }));
  return names.empty() ? names : "; what was set aside or restored in it before is in " + names;
}

void read_contents(const fs::path& path, DataDirFacts& facts) {
  facts.major = read_major(path).value_or(0);
  if (auto control = read_control_file(path)) facts.control = *std::move(control);
  else facts.control_error = std::move(control).error();
  const auto fence = read_fence(path);
  if (!fence) return;
  facts.fenced = describe(*fence);
  if (fence->control) facts.fenced_system_id = fence->control->system_id;
}

// A copy made as root keeps the directory's owner right and everything in it wrong.
std::string foreign_part(const fs::path& data_dir, uid_t owner) {
  for (const char* name : kFilesOfOneOwner) {
    struct stat part{};
    if (::stat((data_dir / name).c_str(), &part) != 0 || part.st_uid == owner) continue;
    const auto account = runtime::account_by_uid(part.st_uid);
    return std::string(name) + " is owned by " +
           (account ? account->name : "user " + std::to_string(part.st_uid));
  }
  return {};
}

void read_rights(const fs::path& path, const struct stat& status, DataDirFacts& facts) {
  facts.mode = status.st_mode & 07777U;
  if (auto owner = runtime::account_by_uid(status.st_uid)) facts.owner = *std::move(owner);
  else
    facts.owner = runtime::Account{"user " + std::to_string(status.st_uid), status.st_uid,
                                   status.st_gid, "/"};
  facts.foreign_part = foreign_part(path, status.st_uid);
}

bool read_only(const fs::path& path) {
  struct statvfs status{};
  return ::statvfs(path.c_str(), &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

// pg_wal is often a link to a disk of its own.
void read_mounts(const fs::path& path, DataDirFacts& facts) {
  for (const auto& place : {path, path / "pg_wal"}) {
    if (!read_only(place)) continue;
    if (auto found = runtime::filesystem_of(place)) facts.read_only = *std::move(found);
    return;
  }
}

void judge(const fs::path& path, DataDirFacts& facts) {
  const auto empty = holds_nothing(path);
  if (!empty) {
    facts.state = DataDirState::Unreadable;
    facts.detail = empty.error().detail;
    return;
  }
  if (*empty) {
    facts.state = DataDirState::Empty;
    return;
  }
  read_contents(path, facts);
  facts.detail = incompleteness(path, facts);
  facts.state = facts.detail.empty() ? DataDirState::Present : DataDirState::Incomplete;
  if (facts.state == DataDirState::Incomplete) facts.detail += kept_within(path);
}

}  // namespace

fs::path nearest_existing(const fs::path& path) {
  fs::path place = path;
  struct stat found{};
  while (::stat(place.c_str(), &found) != 0 && place.has_parent_path() &&
         place != place.parent_path())
    place = place.parent_path();
  return place.empty() ? fs::path(".") : place;
}

Result<int> read_major(const fs::path& data_dir) {
  TRY(text, runtime::read_file(data_dir / "PG_VERSION", kVersionBytesMax));
  int major = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), major);
  if (end.ec != std::errc() || major <= 0)
    return fail(ErrorCode::Malformed, (data_dir / "PG_VERSION").string() + " holds no version");
  return major;
}

Result<pg::ControlFile> read_control_file(const fs::path& data_dir) {
  const fs::path path = data_dir / "global" / "pg_control";
  for (int reads = 1;; ++reads) {
    TRY(text, runtime::read_file(path, 2 * pg::kControlFileBytes));
    auto control = pg::parse_control_file(std::as_bytes(std::span(text)));
    if (control) return control;
    if (control.error().code != ErrorCode::ControlFileCorrupt || reads == kControlReadsMax)
      return fail(std::move(control).error().with_context(path.string()));
  }
}

DataDirFacts inspect_data_dir(const fs::path& path) {
  DataDirFacts facts;
  const fs::path place = nearest_existing(path);
  if (auto filesystem = runtime::filesystem_of(place)) facts.filesystem = *std::move(filesystem);
  if (auto space = runtime::disk_space(place)) facts.space = *space;

  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    facts.state =
        errno == ENOENT || errno == ENOTDIR ? DataDirState::Missing : DataDirState::Unreadable;
    if (facts.state == DataDirState::Unreadable) facts.detail = std::strerror(errno);
    return facts;
  }
  facts.inode = runtime::InodeId{status.st_dev, status.st_ino};
  read_rights(path, status, facts);
  if (!S_ISDIR(status.st_mode)) {
    facts.state = DataDirState::Unreadable;
    facts.detail = "not a directory";
    return facts;
  }
  judge(path, facts);
  read_mounts(path, facts);
  return facts;
}

}  // namespace pgkeel::instance
