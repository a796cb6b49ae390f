#include <gmock/gmock.h>

#include "instance/search.hpp"

namespace pgkeel::instance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SearchPlaces, TailsAreTheLastNamesLongestFirst) {
  // Goal: on a volume mounted elsewhere the data is under some tail of its old path.
  EXPECT_THAT(path_tails("/var/lib/postgresql/15/main", 3),
              ElementsAre("postgresql/15/main", "15/main", "main"));
  EXPECT_THAT(path_tails("/data", 4), ElementsAre("data"));
  EXPECT_THAT(path_tails("/", 4), IsEmpty());
  EXPECT_THAT(path_tails("/a/b", 0), IsEmpty());
}

TEST(FindVolume, KnowsNoDeviceForNonsense) {
  // Goal: an empty or malicious UUID names no device.
  EXPECT_FALSE(find_volume("").attached);
  EXPECT_FALSE(find_volume("../by-id/x").attached);
  EXPECT_FALSE(find_volume("00000000-0000-0000-0000-000000000000").attached);
}

}  // namespace
}  // namespace pgkeel::instance
