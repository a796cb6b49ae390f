// The pace at which a server somewhere else is looked at.
#include "sense/visit.hpp"

#include <gtest/gtest.h>

namespace pgkeel::sense {
namespace {

TEST(Visits, SlowDownWhileTheServerStaysAway) {
  // Goal: seldom while all is well, soon after a failure, then ever less often, never less than
  // login_every (A8: probing defeats scale to zero).
  Options options;
  options.login_every = Seconds(60);
  options.in_doubt = Seconds(5);
  EXPECT_EQ(next_visit(options, 0), Seconds(60));
  EXPECT_EQ(next_visit(options, 1), Seconds(5));
  EXPECT_EQ(next_visit(options, 2), Seconds(10));
  EXPECT_EQ(next_visit(options, 4), Seconds(40));
  EXPECT_EQ(next_visit(options, 5), Seconds(60));
  EXPECT_EQ(next_visit(options, 1'000'000), Seconds(60));
}

}  // namespace
}  // namespace pgkeel::sense
