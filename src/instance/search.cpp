// See search.hpp.
#include "instance/search.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "instance/data_dir.hpp"
#include "runtime/mount_table.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMountInfoBytesMax = 8U << 20U;  // a host with thousands of containers
constexpr int kParentsUp = 3;                          // beside the place, its parent, its parent
constexpr std::size_t kTailNamesMax = 4;               // lib/postgresql/15/main
constexpr std::array<std::string_view, 12> kLocalTypes = {"ext2",     "ext3",    "ext4",  "xfs",
                                                          "btrfs",    "zfs",     "f2fs",  "jfs",
                                                          "bcachefs", "overlay", "tmpfs", "ramfs"};

using Directory = std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })>;
using Inode = std::pair<std::uint64_t, std::uint64_t>;

std::vector<runtime::Mount> read_mounts() {
  const auto text = runtime::read_file("/proc/self/mountinfo", kMountInfoBytesMax);
  return text ? runtime::parse_mountinfo(*text) : std::vector<runtime::Mount>();
}

bool is_shadow(const fs::path& path) {
  return runtime::inode_of(path / kShadowMarker) && runtime::inode_of(path / "standby.signal");
}

bool is_scratch(const fs::path& directory) {
  return runtime::inode_of(directory / kScratchMarker).has_value();
}

bool is_local(const runtime::Mount& mount) {
  return std::ranges::find(kLocalTypes, mount.type) != kLocalTypes.end();
}

// Directories some process stands in.
std::set<Inode> working_dirs() {
  std::set<Inode> inodes;
  for (const pid_t pid : runtime::list_pids())
    if (const auto inode = runtime::inode_of("/proc/" + std::to_string(pid) + "/cwd"))
      inodes.emplace(inode->device, inode->inode);
  return inodes;
}

class Search {
 public:
  Search(const LostDataQuery& query, SteadyTime deadline)
      : query_(query), deadline_(deadline), mounts_(read_mounts()) {
    if (const auto inode = runtime::inode_of(query.data_dir))
      seen_.emplace(inode->device, inode->inode);
    const auto parent = runtime::inode_of(nearest_existing(query.data_dir));
    if (parent) wanted_device_ = parent->device;
  }

  LostDataReport run() {
    look_beside();
    for (const fs::path& place : query_.also) look_at(place);
    for (const runtime::Mount& mount : mounts_)
      if (is_local(mount)) look_in_mount(mount.mount_point);
    return std::move(report_);
  }

 private:
  void look_beside() {
    fs::path place = query_.data_dir;
    for (int up = 0; up < kParentsUp && place != place.parent_path(); ++up) {
      place = place.parent_path();
      for (const fs::path& sibling : directories_in(place)) {
        look_at(sibling);
        look_at_tails(sibling, static_cast<std::size_t>(up));
      }
    }
  }

  void look_in_mount(const fs::path& root) {
    look_at(root);
    look_at_tails(root, kTailNamesMax);
    for (const fs::path& first : directories_in(root)) {
      look_at(first);
      look_at_tails(first, kTailNamesMax);
      for (const fs::path& second : directories_in(first)) look_at(second);
    }
  }

  void look_at_tails(const fs::path& root, std::size_t names_max) {
    for (const fs::path& tail : path_tails(query_.data_dir, names_max)) look_at(root / tail);
  }

  void look_at(const fs::path& path) {
    if (exhausted() || is_remote(path)) return;
    ++report_.places;
    struct stat status{};
    if (::stat((path / "global" / "pg_control").c_str(), &status) != 0) return;
    if (::stat(path.c_str(), &status) != 0 || !seen_.emplace(status.st_dev, status.st_ino).second)
      return;
    const auto control = read_control_file(path);
    if (!control || control->system_id != query_.system_id || is_shadow(path) ||
        is_scratch(path.parent_path()))
      return;
    if (!working_dirs_) working_dirs_ = working_dirs();
    report_.candidates.push_back({path,
                                  *control,
                                  {status.st_dev, status.st_ino},
                                  working_dirs_->contains({status.st_dev, status.st_ino}),
                                  status.st_dev == wanted_device_});
  }

  // Names only: the entries are not looked at, and a symlink is taken for what it may point to.
  std::vector<fs::path> directories_in(const fs::path& dir) {
    std::vector<fs::path> found;
    if (exhausted() || is_remote(dir)) return found;
    const Directory stream(::opendir(dir.c_str()));
    std::size_t entries = 0;
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries > kSearchEntriesMax) {
        report_.complete = false;
        break;
      }
      if (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
        found.push_back(dir / name);
    }
    std::ranges::sort(found);
    return found;
  }

  // Symlinks may still lead to a network file system; the deadline of the caller covers that.
  [[nodiscard]] bool is_remote(const fs::path& path) const {
    const runtime::Mount* mount = runtime::find_mount(mounts_, path.native());
    return mount != nullptr && !is_local(*mount);
  }

  bool exhausted() {
    const bool ended = report_.places >= kSearchPlacesMax ||
                       report_.candidates.size() >= kSearchFoundMax ||
                       SteadyClock::now() >= deadline_;
    if (ended) report_.complete = false;
    report_.exhausted = report_.exhausted || ended;
    return ended;
  }

  const LostDataQuery& query_;
  SteadyTime deadline_;
  std::vector<runtime::Mount> mounts_;
  std::uint64_t wanted_device_ = 0;
  std::set<Inode> seen_;
  std::optional<std::set<Inode>> working_dirs_;
  LostDataReport report_;
};

}  // namespace

std::vector<fs::path> path_tails(const fs::path& path, std::size_t names_max) {
  std::vector<fs::path> tails;
  fs::path tail;
  for (fs::path rest = path;
       tails.size() < names_max && rest.has_filename() && rest.has_parent_path();
       rest = rest.parent_path()) {
    tail = tail.empty() ? rest.filename() : rest.filename() / tail;
    tails.insert(tails.begin(), tail);
  }
  return tails;
}

LostDataReport find_lost_data(const LostDataQuery& query, SteadyTime deadline) {
  return Search(query, deadline).run();
}

VolumeFacts find_volume(std::string_view filesystem_uuid) {
  VolumeFacts facts;
  if (filesystem_uuid.empty() || filesystem_uuid.find('/') != std::string_view::npos) return facts;
  std::error_code error;
  facts.device = fs::canonical(fs::path("/dev/disk/by-uuid") / filesystem_uuid, error);
  if (error) return facts;
  facts.attached = true;
  for (const runtime::Mount& mount : read_mounts())
    if (fs::weakly_canonical(mount.source, error) == facts.device)
      facts.mount_points.emplace_back(mount.mount_point);
  return facts;
}

}  // namespace pgkeel::instance
