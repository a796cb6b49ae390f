// What the machine under the server says: room on its file systems, memory and the limits on it,
// since when it runs, how long its processes wait for disk and memory. Each fact is optional; what
// could not be had says why.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "runtime/files.hpp"
#include "sense/clock_watch.hpp"

namespace pgkeel::sense {

/// What a file system is to the server.
enum class SpaceRole { Data, Wal, Tablespace, SharedMemory };
[[nodiscard]] std::string_view to_string(SpaceRole role);  ///< "data", "shared_memory"

/// One place the server writes to, and the file system it is on.
struct Space {
  SpaceRole role = SpaceRole::Data;
  std::string name;  ///< of a tablespace; empty for the others
  std::filesystem::path path;
  std::string unavailable;  ///< why nothing is known; empty: the rest holds
  dev_t device = 0;         ///< two places of one device fill up together
  runtime::DiskSpace room;
  bool read_only = false;
  [[nodiscard]] bool known() const { return unavailable.empty(); }
  /// Never where the file system counts none.
  [[nodiscard]] bool out_of_inodes() const {
    return room.inodes_total > 0 && room.inodes_free == 0;
  }
};

/// The limit on the group of processes the server belongs to: its container's, or its unit's.
struct GroupMemory {
  std::uint64_t limit_bytes = 0;  ///< 0: none
  std::uint64_t used_bytes = 0;
  std::uint64_t oom_kills = 0;  ///< processes of this group the kernel has ended, since it exists
};

/// How many processes and files the server may have; a limit of 0: none.
struct ProcessRoom {
  std::uint64_t group_used = 0;  ///< processes and threads of its group
  std::uint64_t group_limit = 0;
  std::uint64_t user_limit = 0;  ///< of its user's processes, wherever they are
  std::uint64_t open_files = 0;  ///< each of its processes
};

struct HostFacts {
  SteadyTime at;
  bool seen = false;  ///< false until the first look
  std::vector<Space> spaces;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  std::optional<GroupMemory> group;
  std::optional<ProcessRoom> processes;  ///< none while it does not run
  std::optional<WallTime> booted_at;
  std::optional<ClockJump> clock_jump;  ///< the last one since the guard began
  /// Pressure stall information: percent of the last 10 s in which some process waited; none where
  /// the kernel does not tell.
  std::optional<double> io_stall;
  std::optional<double> memory_stall;
};

}  // namespace pgkeel::sense
