// When WAL is flushed and reported, and how the lag is measured, in virtual time.
#include "archive/receive/flush_policy.hpp"

#include <gtest/gtest.h>

#include "archive/receive/lag.hpp"

namespace pgkeel::archive {
namespace {

using Socket = FlushPolicy::Socket;
constexpr SteadyTime kStart{std::chrono::hours(1)};

TEST(FlushPolicy, AsyncFlushesByTimeAndSize) {
  // Goal: a second or 4 MiB, whichever comes first; a drained socket means nothing.
  FlushPolicy policy(Durability::Async, kStart);
  EXPECT_FALSE(policy.flush_due(kStart + Seconds(60), Socket::Drained));
  policy.wrote(1000, kStart);
  EXPECT_FALSE(policy.flush_due(kStart + Millis(999), Socket::Drained));
  EXPECT_EQ(policy.wait(kStart + Millis(400)), Millis(600));
  EXPECT_TRUE(policy.flush_due(kStart + Seconds(1), Socket::MayHoldMore));
  policy.flushed();
  EXPECT_TRUE(policy.report_due(kStart + Seconds(1)));
  policy.wrote(FlushPolicy::kAsyncBytesMax, kStart + Seconds(2));
  EXPECT_TRUE(policy.flush_due(kStart + Seconds(2), Socket::MayHoldMore));
}

TEST(FlushPolicy, AnswersWhenAsked) {
  // Goal: a reply tells of everything written, so it is flushed first.
  FlushPolicy policy(Durability::Async, kStart);
  policy.reported(kStart);
  policy.wrote(10, kStart);
  policy.asked();
  EXPECT_TRUE(policy.flush_due(kStart, Socket::MayHoldMore));
  EXPECT_TRUE(policy.report_due(kStart));
  policy.flushed();
  policy.reported(kStart);
  EXPECT_FALSE(policy.report_due(kStart + Millis(4'999)));
  EXPECT_TRUE(policy.report_due(kStart + FlushPolicy::kReportWithin));
}

TEST(FlushPolicy, SyncFlushesOnceForABatch) {
  // Goal: not while more may come, at once when nothing does, and never later than 1 MiB.
  FlushPolicy policy(Durability::Sync, kStart);
  policy.wrote(1000, kStart);
  EXPECT_FALSE(policy.flush_due(kStart, Socket::MayHoldMore));
  EXPECT_EQ(policy.wait(kStart), Millis(0));
  EXPECT_TRUE(policy.flush_due(kStart, Socket::Drained));
  policy.wrote(FlushPolicy::kSyncBytesMax, kStart);
  EXPECT_TRUE(policy.flush_due(kStart, Socket::MayHoldMore));
}

TEST(LagTracker, MeasuresTheOldestThatIsMissing) {
  // Goal: zero when all is flushed, else the age of the first position behind the flushed one.
  LagTracker lag;
  lag.server_at(Lsn(100), kStart);
  lag.server_at(Lsn(200), kStart + Seconds(1));
  lag.server_at(Lsn(150), kStart + Seconds(2));
  EXPECT_EQ(lag.lag(Lsn(0), kStart + Seconds(3)), Seconds(3));
  EXPECT_EQ(lag.lag(Lsn(100), kStart + Seconds(3)), Seconds(2));
  EXPECT_EQ(lag.lag(Lsn(200), kStart + Seconds(3)), Seconds(0));
}

TEST(LagTracker, NeverShowsLessThanThereIs) {
  // Goal: however many samples come, the oldest missing byte keeps its age.
  LagTracker lag;
  for (int i = 1; i <= 10'000; ++i)
    lag.server_at(Lsn(static_cast<std::uint64_t>(i)), kStart + Millis(100 * i));
  EXPECT_EQ(lag.lag(Lsn(0), kStart + Millis(1'000'000)), Millis(999'900));
  EXPECT_GE(lag.lag(Lsn(5'000), kStart + Millis(1'000'000)), Millis(500'000 - 100));
}

}  // namespace
}  // namespace pgkeel::archive
