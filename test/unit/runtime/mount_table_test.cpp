// /proc/self/mountinfo as the kernel writes it.
#include "runtime/mount_table.hpp"

#include <gtest/gtest.h>

namespace pgkeel::runtime {
namespace {

constexpr std::string_view kTable =
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "36 27 98:0 /mnt1 /srv/pg rw,noatime master:1 shared:2 - xfs /dev/sdb1 rw,errors=continue\n"
    "37 27 0:44 / /srv/my\\040disk\\134x rw - tmpfs none rw\n"
    "38 27 98:1 / /srv/pg rw - ext4 /dev/sdc1 rw\n";

TEST(MountTable, ReadsRows) {
  // Goal: optional fields are skipped and octal escapes decoded.
  const auto mounts = parse_mountinfo(kTable);
  ASSERT_EQ(mounts.size(), 4U);
  EXPECT_EQ(mounts[0], (Mount{"/", "ext4", "/dev/vda"}));
  EXPECT_EQ(mounts[1], (Mount{"/srv/pg", "xfs", "/dev/sdb1"}));
  EXPECT_EQ(mounts[2], (Mount{"/srv/my disk\\x", "tmpfs", "none"}));
}

TEST(MountTable, SkipsLinesOfAnotherShape) {
  // Goal: a truncated or foreign line is no mount, and no harm.
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("\n\n27 1 254:0 / / rw\n27 1 254:0 / / rw - ext4\n- - -\n").empty());
  EXPECT_EQ(parse_mountinfo("1 2 3 / /a\\04 rw - t s\n")[0].mount_point, "/a\\04");
}

TEST(MountTable, FindsTheMountOfAPath) {
  // Goal: the longest mount point that holds the path wins, by whole names, the last one on top.
  const auto mounts = parse_mountinfo(kTable);
  EXPECT_EQ(find_mount(mounts, "/srv/pg/15/main")->source, "/dev/sdc1");
  EXPECT_EQ(find_mount(mounts, "/srv/pg")->source, "/dev/sdc1");
  EXPECT_EQ(find_mount(mounts, "/srv/pgdata")->source, "/dev/vda");
  EXPECT_EQ(find_mount(mounts, "/")->source, "/dev/vda");
  EXPECT_EQ(find_mount(mounts, "relative"), nullptr);
  EXPECT_EQ(find_mount({}, "/"), nullptr);
}

}  // namespace
}  // namespace pgkeel::runtime
