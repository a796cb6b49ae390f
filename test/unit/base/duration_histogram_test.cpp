// Where a duration is counted.
#include "base/duration_histogram.hpp"

#include <gtest/gtest.h>

namespace pgkeel {
namespace {

using std::chrono::microseconds;

TEST(DurationHistogram, CountsInTheBucketThatHoldsIt) {
  // Goal: bounds of 10 us to 25 s, a bound in its own bucket, what is longer in the last; the sum
  // is of all.
  EXPECT_EQ(DurationHistogram::kBounds.front(), microseconds(10));
  EXPECT_EQ(DurationHistogram::kBounds[4], microseconds(250));
  EXPECT_EQ(DurationHistogram::kBounds.back(), std::chrono::seconds(25));
  DurationHistogram histogram;
  histogram.add(microseconds(0));
  histogram.add(microseconds(10), 2);
  histogram.add(microseconds(11), 5);
  histogram.add(std::chrono::hours(1));
  EXPECT_EQ(histogram.counts()[0], 3);
  EXPECT_EQ(histogram.counts()[1], 5);
  EXPECT_EQ(histogram.counts().back(), 1);
  EXPECT_EQ(histogram.sum(), microseconds(75) + std::chrono::hours(1));
}

TEST(DurationHistogram, IsAddedUpAndCopiedBucketByBucket) {
  // Goal: what two have counted is what one would have; set() rebuilds it elsewhere.
  DurationHistogram one, two, both, copy;
  one.add(microseconds(30), 7);
  two.add(microseconds(400));
  both.add(microseconds(30), 7);
  both.add(microseconds(400));
  one += two;
  EXPECT_EQ(one, both);
  for (std::size_t at = 0; at < DurationHistogram::kBuckets; ++at) copy.set(at, both.counts()[at]);
  EXPECT_NE(copy, both);
  copy.set_sum(both.sum());
  EXPECT_EQ(copy, both);
}

}  // namespace
}  // namespace pgkeel
