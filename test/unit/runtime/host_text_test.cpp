// Memory, pressure and groups of processes as kernels of several kinds write them.
#include "runtime/host_text.hpp"

#include <gtest/gtest.h>

namespace pgkeel::runtime {
namespace {

constexpr std::string_view kHybrid =
    "9:name=systemd:/\n8:pids:/\n4:memory:/docker/c0ffee\n2:cpu,cpuacct:/\n0::/system.slice\n";
constexpr std::string_view kMounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "35 31 0:32 /docker /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(HostText, ReadsMemory) {
  // Goal: total and available in bytes; an old kernel without the estimate yields nothing (C2).
  const auto memory =
      parse_meminfo("MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:   8192 kB\n");
  EXPECT_EQ(memory, (MemoryInfo{16384 * 1024, 8192 * 1024}));
  EXPECT_FALSE(parse_meminfo("MemTotal: 16384 kB\n"));
  EXPECT_FALSE(parse_meminfo(""));
}

TEST(HostText, ReadsPressure) {
  // Goal: the share of the last ten seconds, whatever else the file holds (C2).
  EXPECT_EQ(parse_pressure("some avg10=12.50 avg60=3.00 avg300=0.00 total=1\n"
                           "full avg10=99.00 avg60=0.00 avg300=0.00 total=1\n"),
            12.5);
  EXPECT_FALSE(parse_pressure("full avg10=99.00\n"));
  EXPECT_FALSE(parse_pressure("some avg10=x\n"));
  EXPECT_FALSE(parse_pressure("some\n"));
}

TEST(HostText, FindsTheGroupThatCountsMemory) {
  // Goal: version 1, version 2 and both at once; a group outside what can be seen is none (C2).
  EXPECT_EQ(parse_memory_group(kHybrid), (MemoryGroupName{false, "/docker/c0ffee"}));
  EXPECT_EQ(parse_memory_group("0::/a.slice/b.service\n"),
            (MemoryGroupName{true, "/a.slice/b.service"}));
  EXPECT_FALSE(parse_memory_group("0::/../../other\n"));
  EXPECT_FALSE(parse_memory_group("nonsense\n:\n::\n"));
}

TEST(HostText, FindsWhereItIsMounted) {
  // Goal: the mount that has the controller, and the root it shows (C2).
  EXPECT_EQ(find_memory_mount(kMounts, false),
            (MemoryGroupMount{"/sys/fs/cgroup/memory", "/docker"}));
  EXPECT_EQ(find_memory_mount(kMounts, true), (MemoryGroupMount{"/sys/fs/cgroup/unified", "/"}));
  EXPECT_FALSE(find_memory_mount("31 23 0:28 / /sys - cgroup2\n", true));
}

TEST(HostText, ReadsLimitsAndCounts) {
  // Goal: both versions' words for "no limit", and a row by its name (C2).
  EXPECT_EQ(parse_memory_limit("max\n"), 0U);
  EXPECT_EQ(parse_memory_limit("9223372036854771712\n"), 0U);
  EXPECT_EQ(parse_memory_limit("536870912\n"), 536870912U);
  EXPECT_FALSE(parse_memory_limit("lots\n"));
  EXPECT_FALSE(parse_memory_limit(""));
  constexpr auto kLimits =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max processes             unlimited            unlimited            processes \n"
      "Max open files            1024                 524288               files     \n";
  EXPECT_EQ(parse_process_limit(kLimits, "Max open files"), 1024U);
  EXPECT_EQ(parse_process_limit(kLimits, "Max processes"), 0U);
  EXPECT_FALSE(parse_process_limit(kLimits, "Max locked memory"));
  EXPECT_FALSE(parse_process_limit("Max open files", "Max open files"));
  EXPECT_EQ(parse_row("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3U);
  EXPECT_FALSE(parse_row("low 0\n", "oom_kill"));
}

}  // namespace
}  // namespace pgkeel::runtime
