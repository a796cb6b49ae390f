// One look at the machine under the server: the file systems it writes to, as the server itself
// sees them, memory and the limit on its group of processes, pressure, the boot. Runs on another
// thread, because a file system that is gone (NFS) answers nothing and lets nobody go; what was
// found until then can be read meanwhile.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "sense/host_facts.hpp"

namespace pgkeel::sense {

inline constexpr int kTablespacesSeenMax = 64;

/// Where to look.
struct HostPlaces {
  std::filesystem::path data_dir;  ///< as the guard sees it
  pid_t pid = 0;                   ///< of the running postmaster; 0: none runs
  bool in_container = false;       ///< without a postmaster its /dev/shm is nowhere to be seen
};

class HostLook {
 public:
  explicit HostLook(HostPlaces places) : places_(std::move(places)) {}

  /// The whole look; may never return.
  void run();
  [[nodiscard]] bool finished() const;
  /// What is known by now; the place that is being looked at says that it does not answer. Without
  /// `at` and `seen`, which are the caller's.
  [[nodiscard]] HostFacts so_far() const;

 private:
  void look_at_data();
  void look_at_tablespaces();
  void look_at_shared_memory();
  void look_at_memory();
  void measure(Space place, const std::filesystem::path& seen_as);
  [[nodiscard]] std::filesystem::path target_of(const std::filesystem::path& link) const;

  const HostPlaces places_;
  std::filesystem::path root_;  ///< of the server, when it has another than we
  std::filesystem::path base_;  ///< its data directory, as it can be reached from here
  mutable std::mutex mutex_;    // guards everything below
  HostFacts facts_;
  Space current_;
  bool finished_ = false;
};

/// The group of a process by the texts of /proc/PID/cgroup and /proc/self/mountinfo: the tightest
/// limit on the way up, and the group's own count of kills.
[[nodiscard]] std::optional<GroupMemory> read_group_memory(std::string_view cgroup,
                                                           std::string_view mountinfo);

/// The tightest limit on the number of processes on the way up, and what that group has; nothing of
/// either where the hierarchy is of version 1.
void read_group_processes(std::string_view cgroup, std::string_view mountinfo, ProcessRoom& room);

}  // namespace pgkeel::sense
