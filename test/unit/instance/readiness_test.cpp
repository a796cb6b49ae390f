#include "instance/readiness.hpp"

#include <gtest/gtest.h>

namespace pgkeel::instance {
namespace {

TEST(Readiness, IsAskedOftenAtFirstAndRarelyLater) {
  // Goal: a quick start is seen within 5 ms, a slow recovery costs ten looks a second.
  EXPECT_EQ(readiness_interval(Millis(0)), Millis(5));
  EXPECT_EQ(readiness_interval(Millis(250)), Millis(5));
  EXPECT_EQ(readiness_interval(Millis(1'000)), Millis(20));
  EXPECT_EQ(readiness_interval(Millis(600'000)), Millis(100));
}

TEST(Readiness, IsReadyOrStandby) {
  // Goal: a server that is starting or stopping is not up.
  for (const char* up : {"ready", "standby"}) EXPECT_TRUE(is_up(up));
  for (const char* down : {"", "starting", "stopping"}) EXPECT_FALSE(is_up(down));
}

}  // namespace
}  // namespace pgkeel::instance
