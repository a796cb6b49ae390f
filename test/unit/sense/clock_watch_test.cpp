// A wall clock that is moved, forwards and back, and one that is not.
#include "sense/clock_watch.hpp"

#include <gtest/gtest.h>

namespace pgkeel::sense {
namespace {

TEST(ClockWatch, TellsAJumpOnceAndNoSlew) {
  // Goal: A5 C6: a step of the wall clock is told with its size and only once; slewing is not.
  ClockWatch clock;
  WallTime wall{Seconds(1'000'000)};
  SteadyTime steady{Seconds(50)};
  const auto after = [&](Millis wall_went, Millis steady_went) {
    wall += wall_went;
    steady += steady_went;
    return clock.look(wall, steady);
  };
  EXPECT_FALSE(after(Millis(0), Millis(0)));
  EXPECT_FALSE(after(Millis(10'005), Millis(10'000)));
  const auto forwards = after(Seconds(3'610), Seconds(10));
  ASSERT_TRUE(forwards);
  EXPECT_EQ(forwards->by, Seconds(3'600));
  EXPECT_EQ(forwards->at, wall);
  EXPECT_FALSE(after(Seconds(10), Seconds(10)));
  const auto back = after(Seconds(-50), Seconds(10));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->by, Seconds(-60));
}

}  // namespace
}  // namespace pgkeel::sense
