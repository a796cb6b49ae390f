// What the kernel says of a machine's memory, pressure and groups of processes, as values. Pure:
// texts of /proc and /sys/fs/cgroup go in, facts come out; a text of another shape yields nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgkeel::runtime {

struct MemoryInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  ///< without swapping, by the kernel's estimate
  friend bool operator==(const MemoryInfo&, const MemoryInfo&) = default;
};
/// /proc/meminfo.
[[nodiscard]] std::optional<MemoryInfo> parse_meminfo(std::string_view text);

/// /proc/pressure/*: percent of the last 10 s in which some process waited.
[[nodiscard]] std::optional<double> parse_pressure(std::string_view text);

/// The group of a process whose memory is counted, as the hierarchy that counts it names it.
struct MemoryGroupName {
  bool unified = false;  ///< version 2
  std::string path;      ///< "/system.slice/postgresql@15-main.service"
  friend bool operator==(const MemoryGroupName&, const MemoryGroupName&) = default;
};
/// /proc/PID/cgroup. On a hybrid machine, with both versions, the one that has the memory
/// controller.
[[nodiscard]] std::optional<MemoryGroupName> parse_memory_group(std::string_view text);

/// Where the hierarchy that counts memory is mounted, and which of its groups is seen there.
struct MemoryGroupMount {
  std::string mount_point;
  std::string root;  ///< "/", or the group a container sees as the whole
  friend bool operator==(const MemoryGroupMount&, const MemoryGroupMount&) = default;
};
/// /proc/self/mountinfo.
[[nodiscard]] std::optional<MemoryGroupMount> find_memory_mount(std::string_view mountinfo,
                                                                bool unified);

/// A file that holds one number of bytes; 0 for "max" and for what means the same in version 1.
[[nodiscard]] std::optional<std::uint64_t> parse_memory_limit(std::string_view text);
/// The row "Max open files", say, of /proc/PID/limits: the soft limit; 0 where there is none.
[[nodiscard]] std::optional<std::uint64_t> parse_process_limit(std::string_view text,
                                                               std::string_view name);
/// The row `name` of a file of names and numbers (memory.events, memory.oom_control).
[[nodiscard]] std::optional<std::uint64_t> parse_row(std::string_view text, std::string_view name);

}  // namespace pgkeel::runtime
