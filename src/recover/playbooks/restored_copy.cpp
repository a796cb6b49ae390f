// See restored_copy.hpp.
#include "recover/playbooks/restored_copy.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "instance/lock.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using instance::SwapManner;

constexpr std::string_view kCopy = "restore-";
constexpr std::string_view kMark = "restoring";
constexpr const char* kTablespaces = "-tablespaces";      // archive::tablespace_dir()
constexpr const char* kPrivateServer = "pgkeel-restore";  // archive/restore/restore.cpp
constexpr std::size_t kMarkBytesMax = 4096;
constexpr mode_t kMarkMode = 0644;   // a base backup of a mount point has to be able to read it
constexpr Seconds kEndPatience{60};  // of a server told to stop at once
constexpr Millis kLookEvery{100};

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

fs::path mark_path(const fs::path& place, SwapManner manner) {
  return instance::near_place(place, manner, kMark);
}

Result<fs::path> copy_named(const fs::path& place, SwapManner manner, std::string name) {
  while (name.ends_with('\n')) name.pop_back();
  const auto beginning = instance::near_place(place, manner, kCopy);
  const auto prefix = beginning.filename().string();
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (name.size() > prefix.size() && name.starts_with(prefix) &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()), name.end(), is_digit))
    return beginning.parent_path() / name;
  return fail(ErrorCode::Malformed, mark_path(place, manner).string() + " names no restored copy");
}

// A restore's own server works in a directory that goes with it; anybody else's has none.
Result<void> require_our_server(const fs::path& copy) {
  if (is_there(copy / kPrivateServer)) return {};
  return fail(Error(ErrorCode::Refused,
                    fmt::format("a server that no restore started runs in {}", copy.string()))
                  .with_hint("Stop it, and move the directory if it is to be kept."));
}

// The copy is thrown away: its server need not shut down in order.
Result<void> end_server_of(const fs::path& copy) {
  using instance::LockState;
  const auto until = SteadyClock::now() + kEndPatience;
  for (bool told = false;; std::this_thread::sleep_for(kLookEvery)) {
    const auto lock = instance::inspect_lock(copy);
    const auto state = lock.facts.state;
    if (state != LockState::Live && state != LockState::Unclear &&
        instance::scan_server_processes(copy).processes.empty())
      return {};
    TRY_VOID(require_our_server(copy));
    if (SteadyClock::now() > until)
      return fail(ErrorCode::Refused, "a server of an earlier restore runs in " + copy.string());
    if (told || !lock.postmaster) continue;
    const auto handle = instance::open_server_process(*lock.postmaster, copy);
    if (handle) static_cast<void>(handle->signal(SIGQUIT));
    told = handle.has_value();
  }
}

Result<void> remove_whole(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) return fail(ErrorCode::Io, "remove " + directory.string() + ": " + error.message());
  // A restore whose guard was killed may not have ended yet.
  if (is_there(directory)) return fail(ErrorCode::Refused, directory.string() + " is in use");
  return {};
}

Result<void> remove_copy(const fs::path& copy) {
  TRY_VOID(end_server_of(copy));
  auto tablespaces = copy;
  tablespaces += kTablespaces;
  TRY_VOID(remove_whole(tablespaces));
  return remove_whole(copy);
}

}  // namespace

fs::path copy_path(const fs::path& place, SwapManner manner, WallTime now) {
  const auto seconds = std::chrono::floor<Seconds>(now.time_since_epoch()).count();
  return instance::near_place(place, manner, fmt::format("{}{}", kCopy, seconds));
}

Result<void> mark_copy(const fs::path& place, SwapManner manner, const fs::path& copy) {
  return runtime::write_file_atomic(mark_path(place, manner), copy.filename().string() + "\n",
                                    {.mode = kMarkMode, .owner = std::nullopt});
}

Result<void> release_copy(const fs::path& place, SwapManner manner) {
  const auto mark = mark_path(place, manner);
  if (!is_there(mark)) return {};
  std::error_code error;
  fs::remove(mark, error);
  if (error) return fail(ErrorCode::Io, "remove " + mark.string() + ": " + error.message());
  return runtime::fsync_directory(mark.parent_path());
}

// Where the copy itself is gone it was moved, and its tablespaces are somebody's data.
Result<void> discard_copy(const fs::path& place, SwapManner manner) {
  const auto name = runtime::read_file(mark_path(place, manner), kMarkBytesMax);
  if (!name && name.error().code == ErrorCode::NotFound) return {};
  if (!name) return fail(name.error());
  TRY(copy, copy_named(place, manner, *name));
  if (is_there(copy)) TRY_VOID(remove_copy(copy));
  return release_copy(place, manner);
}

std::string objection_to_filling(const instance::DataDirFacts& place) {
  if (place.state == instance::DataDirState::Missing ||
      place.state == instance::DataDirState::Empty)
    return {};
  return fmt::format("is {} by now{}{}", instance::to_string(place.state),
                     place.detail.empty() ? "" : ": ", place.detail);
}

}  // namespace pgkeel::recover
