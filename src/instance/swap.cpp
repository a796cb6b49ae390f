// See swap.hpp.
#include "instance/swap.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/fault_point.hpp"
#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kControl = "global";  // holds pg_control
constexpr std::string_view kOurs = "pgkeel-";
// What a cluster's own restore leaves in it ("the configuration from elsewhere") belongs to it.
constexpr std::string_view kClustersOwn = "pgkeel-config";
constexpr mode_t kModes = 0750;  // all that a server accepts

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

enum class ControlComes { First, Last };

Result<std::vector<std::string>> entries_of(const fs::path& directory, ControlComes control) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error))
    names.push_back(each->path().filename().string());
  if (error) return fail(ErrorCode::Io, "read " + directory.string() + ": " + error.message());
  const auto first = std::ranges::find(names, kControl);
  if (first != names.end() && control == ControlComes::First)
    std::rotate(names.begin(), first, first + 1);
  else if (first != names.end()) std::rotate(first, first + 1, names.end());
  return names;
}

Result<void> make_like(const fs::path& directory, const fs::path& model) {
  if (is_there(directory)) return {};
  struct stat status{};
  if (::stat(model.c_str(), &status) != 0) return fail_errno(errno, "look at " + model.string());
  runtime::FileMode mode{.mode = 0700, .owner = std::nullopt};
  if (runtime::running_as_root()) {
    TRY(owner, runtime::account_by_uid(status.st_uid));
    mode.owner = owner;
  }
  TRY_VOID(runtime::ensure_directory(directory, mode));
  return runtime::fsync_directory(directory.parent_path());
}

Result<void> set_entries_aside(const Swap& swap) {
  TRY(names, entries_of(swap.place, ControlComes::First));
  std::erase_if(names, stays_in_place);
  if (names.empty()) return {};
  TRY_VOID(make_like(swap.aside, swap.place));
  for (const auto& name : names) {
    TRY_VOID(runtime::rename_durable(swap.place / name, swap.aside / name));
    fault_point("swap.entry_aside");
  }
  return {};
}

// A backup of a mount point holds what was set aside there before; where it still is, the copy of
// it goes to what is set aside now.
Result<fs::path> way_in(const Swap& swap, const std::string& name) {
  if (!stays_in_place(name) || !is_there(swap.place / name)) return swap.place / name;
  TRY_VOID(make_like(swap.aside, swap.place));
  return swap.aside / name;
}

Result<void> bring_entries_in(const Swap& swap) {
  if (!is_there(swap.incoming)) return {};
  TRY(names, entries_of(swap.incoming, ControlComes::Last));
  for (const auto& name : names) {
    TRY(to, way_in(swap, name));
    TRY_VOID(runtime::rename_durable(swap.incoming / name, to));
    fault_point("swap.entry_in");
  }
  std::error_code error;
  fs::remove(swap.incoming, error);
  if (error) return fail(ErrorCode::Io, "remove " + swap.incoming.string());
  return runtime::fsync_directory(swap.incoming.parent_path());
}

Result<void> take_mode(const fs::path& directory, const fs::path& model) {
  struct stat status{};
  if (::stat(model.c_str(), &status) != 0) return {};  // nothing was there
  const mode_t mode = (status.st_mode & kModes) | S_IRWXU;
  if (::chmod(directory.c_str(), mode) != 0)
    return fail_errno(errno, "chmod " + directory.string());
  return {};
}

}  // namespace

bool stays_in_place(std::string_view name) {
  return name == "lost+found" || (name.starts_with(kOurs) && name != kClustersOwn);
}

Result<SwapManner> swap_manner(const fs::path& place) {
  if (!is_there(place)) return SwapManner::Whole;
  TRY(filesystem, runtime::filesystem_of(place));
  std::error_code error;
  const auto real = fs::canonical(place, error);
  if (error) return fail(ErrorCode::Io, "look at " + place.string() + ": " + error.message());
  return filesystem.mount_point == real.string() ? SwapManner::Entries : SwapManner::Whole;
}

fs::path near_place(const fs::path& place, SwapManner manner, std::string_view name) {
  if (manner == SwapManner::Entries) return place / (std::string(kOurs) + std::string(name));
  auto path = place;
  path += "." + std::string(kOurs) + std::string(name);
  return path;
}

Result<void> set_aside(const Swap& swap) {
  if (!is_there(swap.place)) return {};
  if (swap.manner == SwapManner::Entries) return set_entries_aside(swap);
  return runtime::rename_durable(swap.place, swap.aside);
}

Result<void> bring_in(const Swap& swap) {
  if (swap.manner == SwapManner::Entries) return bring_entries_in(swap);
  if (!is_there(swap.incoming) && is_there(swap.place)) return {};
  TRY_VOID(take_mode(swap.incoming, swap.aside));
  return runtime::rename_durable(swap.incoming, swap.place);
}

}  // namespace pgkeel::instance
