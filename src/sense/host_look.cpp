// See host_look.hpp.
#include "sense/host_look.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "runtime/host_text.hpp"
#include "runtime/proc.hpp"
#include "runtime/proc_text.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEntryBytesMax = 64U << 10U;

std::string read(const fs::path& path, std::size_t bytes_max = kEntryBytesMax) {
  auto text = runtime::read_file(path, bytes_max);
  return text ? *std::move(text) : std::string();
}

fs::path proc_entry(pid_t pid, std::string_view entry) {
  return fmt::format("/proc/{}/{}", pid, entry);
}

// Where a process has a mount namespace of its own, everything absolute is below its root.
fs::path root_of(pid_t pid) {
  std::error_code error;
  const auto ours = fs::read_symlink("/proc/self/ns/mnt", error);
  const auto theirs = error ? ours : fs::read_symlink(proc_entry(pid, "ns/mnt"), error);
  return error || ours == theirs ? fs::path() : proc_entry(pid, "root");
}

// The server stands in its data directory.
fs::path data_of(const HostPlaces& places) {
  struct stat found{};
  const auto cwd = proc_entry(places.pid, "cwd");
  return places.pid != 0 && ::stat(cwd.c_str(), &found) == 0 ? cwd : places.data_dir;
}

Space place_of(SpaceRole role, fs::path path, std::string name = {}) {
  Space space;
  space.role = role;
  space.path = std::move(path);
  space.name = std::move(name);
  return space;
}

std::optional<ProcessRoom> limits_of(pid_t pid) {
  const auto text = read(proc_entry(pid, "limits"));
  const auto files = runtime::parse_process_limit(text, "Max open files");
  if (!files) return std::nullopt;
  ProcessRoom room;
  room.open_files = *files;
  room.user_limit = runtime::parse_process_limit(text, "Max processes").value_or(0);
  return room;
}

std::string why() { return std::generic_category().message(errno); }

}  // namespace

std::string_view to_string(SpaceRole role) {
  switch (role) {
    case SpaceRole::Data: return "data";
    case SpaceRole::Wal: return "wal";
    case SpaceRole::Tablespace: return "tablespace";
    case SpaceRole::SharedMemory: return "shared_memory";
  }
  return "data";
}

// What can hang is said first.
void HostLook::measure(Space place, const fs::path& seen_as) {
  {
    const std::scoped_lock lock(mutex_);
    current_ = place;
  }
  struct statvfs system{};
  struct stat status{};
  const bool known =
      ::statvfs(seen_as.c_str(), &system) == 0 && ::stat(seen_as.c_str(), &status) == 0;
  if (!known) place.unavailable = why();
  place.device = status.st_dev;
  place.read_only = known && (system.f_flag & ST_RDONLY) != 0;
  place.room = {.bytes_total = system.f_blocks * system.f_frsize,
                .bytes_free = system.f_bavail * system.f_frsize,
                .inodes_total = system.f_files,
                .inodes_free = system.f_favail};
  const std::scoped_lock lock(mutex_);
  const bool same_as_data = place.role == SpaceRole::Wal && known && !facts_.spaces.empty() &&
                            facts_.spaces.front().known() &&
                            facts_.spaces.front().device == place.device;
  if (!same_as_data) facts_.spaces.push_back(std::move(place));
}

// A link's target as it can be reached from here; empty where it is no link.
fs::path HostLook::target_of(const fs::path& link) const {
  std::error_code error;
  auto target = fs::read_symlink(link, error);
  if (error) return {};
  return target.is_absolute() ? fs::path(root_.native() + target.native())
                              : link.parent_path() / target;
}

void HostLook::look_at_data() {
  auto home = place_of(SpaceRole::Data, places_.data_dir);
  {
    const std::scoped_lock lock(mutex_);
    current_ = home;
  }
  base_ = data_of(places_);
  measure(std::move(home), base_);
  const auto link = base_ / "pg_wal";
  const auto target = target_of(link);
  std::error_code error;
  auto path = target.empty() ? places_.data_dir / "pg_wal" : fs::read_symlink(link, error);
  measure(place_of(SpaceRole::Wal, std::move(path)), target.empty() ? link : target);
}

void HostLook::look_at_tablespaces() {
  std::error_code error;
  int seen = 0;
  for (fs::directory_iterator entry(base_ / "pg_tblspc", error), end; !error && entry != end;
       entry.increment(error)) {
    const auto target = target_of(entry->path());
    if (target.empty() || ++seen > kTablespacesSeenMax) continue;
    std::error_code unread;
    auto path = fs::read_symlink(entry->path(), unread);
    measure(place_of(SpaceRole::Tablespace, std::move(path), entry->path().filename().native()),
            target);
  }
}

void HostLook::look_at_shared_memory() {
  constexpr std::string_view kPath = "/dev/shm";
  if (places_.in_container && root_.empty()) return;
  measure(place_of(SpaceRole::SharedMemory, kPath), fs::path(root_.native() + std::string(kPath)));
}

void HostLook::look_at_memory() {
  const auto memory = runtime::parse_meminfo(read("/proc/meminfo"));
  const auto io = runtime::parse_pressure(read("/proc/pressure/io"));
  const auto stalled = runtime::parse_pressure(read("/proc/pressure/memory"));
  std::optional<GroupMemory> group;
  std::optional<ProcessRoom> processes;
  if (places_.pid != 0) {
    const auto name = read(proc_entry(places_.pid, "cgroup"));
    const auto mounts = read("/proc/self/mountinfo", runtime::kProcTableBytesMax);
    group = read_group_memory(name, mounts);
    processes = limits_of(places_.pid);
    if (processes) read_group_processes(name, mounts, *processes);
  }
  const std::scoped_lock lock(mutex_);
  if (memory) {
    facts_.memory_bytes = memory->total_bytes;
    facts_.memory_available_bytes = memory->available_bytes;
  }
  facts_.io_stall = io;
  facts_.memory_stall = stalled;
  facts_.group = group;
  facts_.processes = processes;
  facts_.booted_at = runtime::boot_time();
}

void HostLook::run() {
  look_at_memory();  // nothing of this can hang
  if (places_.pid != 0) root_ = root_of(places_.pid);
  look_at_data();
  look_at_shared_memory();
  look_at_tablespaces();
  const std::scoped_lock lock(mutex_);
  finished_ = true;
}

bool HostLook::finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}

HostFacts HostLook::so_far() const {
  const std::scoped_lock lock(mutex_);
  auto facts = facts_;
  if (finished_) return facts;
  auto& silent = facts.spaces.emplace_back(current_);
  silent.unavailable = "its file system does not answer";
  return facts;
}

namespace {

// Where a process's group is, and where the way up from it ends.
struct Group {
  bool unified = false;
  fs::path place;
  fs::path top;
  [[nodiscard]] bool at_top() const { return place.native().size() <= top.native().size(); }
};

std::optional<Group> group_of(std::string_view cgroup, std::string_view mountinfo) {
  const auto name = runtime::parse_memory_group(cgroup);
  if (!name) return std::nullopt;
  const auto mount = runtime::find_memory_mount(mountinfo, name->unified);
  if (!mount) return std::nullopt;
  std::string_view path = name->path;
  if (mount->root != "/" && path.starts_with(mount->root)) path.remove_prefix(mount->root.size());
  return Group{name->unified, fs::path(mount->mount_point + std::string(path)).lexically_normal(),
               mount->mount_point};
}

}  // namespace

void read_group_processes(std::string_view cgroup, std::string_view mountinfo, ProcessRoom& room) {
  auto group = group_of(cgroup, mountinfo);
  if (!group || !group->unified) return;
  for (; !group->at_top(); group->place = group->place.parent_path()) {
    const auto used = runtime::parse_memory_limit(read(group->place / "pids.current"));
    const auto limit = runtime::parse_memory_limit(read(group->place / "pids.max")).value_or(0);
    const bool tighter = limit != 0 && (room.group_limit == 0 || limit < room.group_limit);
    if (!used || (!tighter && room.group_used != 0)) continue;
    room.group_used = *used;
    if (tighter) room.group_limit = limit;
  }
}

std::optional<GroupMemory> read_group_memory(std::string_view cgroup, std::string_view mountinfo) {
  auto found = group_of(cgroup, mountinfo);
  if (!found) return std::nullopt;
  auto& place = found->place;
  const auto* limit_file = found->unified ? "memory.max" : "memory.limit_in_bytes";
  const auto* used_file = found->unified ? "memory.current" : "memory.usage_in_bytes";
  const auto* kills_file = found->unified ? "memory.events" : "memory.oom_control";
  const auto kills = runtime::parse_row(read(place / kills_file), "oom_kill");
  const auto used = runtime::parse_memory_limit(read(place / used_file));
  if (!used) return std::nullopt;  // the group of all has no count
  GroupMemory group;
  group.used_bytes = *used;
  group.oom_kills = kills.value_or(0);
  for (; !found->at_top(); place = place.parent_path()) {
    const auto limit = runtime::parse_memory_limit(read(place / limit_file)).value_or(0);
    if (limit == 0 || (group.limit_bytes != 0 && limit >= group.limit_bytes)) continue;
    group.limit_bytes = limit;
    group.used_bytes = runtime::parse_memory_limit(read(place / used_file)).value_or(0);
  }
  return group;
}

}  // namespace pgkeel::sense
