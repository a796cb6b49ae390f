// The name under which something is put aside.
#include "recover/aside.hpp"

#include <gtest/gtest.h>

namespace pgkeel::recover {
namespace {

TEST(AsidePath, StandsBesideWithTheTime) {
  // Goal: a rename stays on its file system and says when it was made.
  const auto time = parse_iso8601("2026-11-21T03:04:05.678Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(aside_path("/a/main", *time), "/a/main.pgkeel-aside-20261121T030405Z");
  EXPECT_EQ(aside_path_within("/a/main", *time), "/a/main/pgkeel-aside-20261121T030405Z");
}

}  // namespace
}  // namespace pgkeel::recover
