// dpkg's log: what a server stands on, and nothing else.
#include "app/doctor/package_log.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

constexpr const char* kLog =
    "2026-11-21 14:36:25 startup archives unpack\n"
    "2026-11-21 14:36:25 upgrade libc6:amd64 2.36-9+deb12u10 2.36-9+deb12u12\n"
    "2026-11-21 14:36:25 status installed libc6:amd64 2.36-9+deb12u12\n"
    "2026-11-21 14:36:26 upgrade vim:amd64 9.0 9.1\n"
    "2026-11-21 14:36:27 install postgresql-16:amd64 <none> 16.4-1\n"
    "2026-11-21 14:36:28 remove docker.io:amd64 20.10 <none>\n"
    "2026-11-21 14:36\n"
    "nonsense that is no time upgrade libc6 1 2\n";

TEST(PackageLog, NamesWhatAServerStandsOn) {
  // Goal: A5 C6: upgrades, installations and removals with their versions.
  const auto updates = parse_package_log(kLog, WallTime{});
  ASSERT_EQ(updates.size(), 3U);
  EXPECT_EQ(updates[0].package, "libc6");
  EXPECT_EQ(updates[0].to, "2.36-9+deb12u12");
  EXPECT_EQ(updates[1].from, "");
  EXPECT_EQ(updates[2].to, "");
}

TEST(PackageLog, OlderOnesAreLeftOut) {
  // Goal: the last days only.
  EXPECT_TRUE(parse_package_log(kLog, wall_now() + std::chrono::hours(24 * 365 * 20)).empty());
}

}  // namespace
}  // namespace pgkeel::app
