// Where a stream begins.
#include "archive/receive/start_point.hpp"

#include <gtest/gtest.h>

namespace pgkeel::archive {
namespace {

constexpr std::uint64_t kSegment = pg::kDefaultWalSegmentBytes;

StreamStart at(std::uint32_t timeline, std::uint64_t segment) {
  return {TimelineId(timeline), Lsn(segment * kSegment)};
}

// On timeline 3, which left 2 in the middle of segment 20, which left 1 in the middle of 10.
ServerHistory third_timeline() {
  ServerHistory server;
  server.timeline = TimelineId(3);
  server.flushed = Lsn(30 * kSegment + 100);
  server.history = {{TimelineId(1), Lsn(10 * kSegment + 5000), ""},
                    {TimelineId(2), Lsn(20 * kSegment + 5000), ""}};
  return server;
}

TEST(StartPoint, OfAnEmptyArchiveIsWhatTheSlotHolds) {
  // Goal: the slot's position, else the server's, rounded down to a segment.
  auto server = third_timeline();
  EXPECT_EQ(decide_start(server, {}).value(), at(3, 30));
  server.slot_restart = Lsn(25 * kSegment + 7);
  EXPECT_EQ(decide_start(server, {}).value(), at(3, 25));
  server.slot_restart = Lsn(15 * kSegment);
  EXPECT_EQ(decide_start(server, {}).value(), at(2, 15));
  server.slot_restart = Lsn(1 * kSegment);
  EXPECT_EQ(decide_start(server, {}).value(), at(1, 1));
}

TEST(StartPoint, GoesOnWhereTheArchiveEnds) {
  // Goal: the same timeline, or an ancestor the server took over from later.
  EXPECT_EQ(decide_start(third_timeline(), at(3, 28)).value(), at(3, 28));
  EXPECT_EQ(decide_start(third_timeline(), at(2, 20)).value(), at(2, 20));
  EXPECT_EQ(decide_start(third_timeline(), at(1, 4)).value(), at(1, 4));
}

TEST(StartPoint, FollowsABranchTheArchiveHasRunPast) {
  // Goal: a standby promoted without the last WAL of the old primary: from the fork, no gap.
  EXPECT_EQ(decide_start(third_timeline(), at(2, 22)).value(), at(3, 20));
  EXPECT_EQ(decide_start(third_timeline(), at(1, 11)).value(), at(2, 10));
}

TEST(StartPoint, RefusesAnotherHistory) {
  // Goal: a server behind the archive, and one that does not come from it, are not archived.
  EXPECT_EQ(decide_start(third_timeline(), at(3, 31)).error().code, ErrorCode::WrongIdentity);
  EXPECT_EQ(decide_start(third_timeline(), at(4, 20)).error().code, ErrorCode::WrongIdentity);
  ServerHistory first;
  first.timeline = TimelineId(1);
  first.flushed = Lsn(9 * kSegment);
  EXPECT_EQ(decide_start(first, at(2, 5)).error().code, ErrorCode::WrongIdentity);
  EXPECT_TRUE(decide_start(first, at(1, 9)));
}

TEST(StartPoint, FollowsARestoreFromBeforeTheArchivesTimelineBegan) {
  // Goal: the archive went on along timeline 2; then the server was restored to a moment of
  // timeline 1. Its timeline 3 is one that nobody had (D10).
  ServerHistory server;
  server.timeline = TimelineId(3);
  server.flushed = Lsn(9 * kSegment);
  server.history = {{TimelineId(1), Lsn(7 * kSegment + 5), "before 2026-11-21"}};
  EXPECT_EQ(decide_start(server, at(2, 20)).value(), at(3, 7));
  server.timeline = TimelineId(5);
  server.history.push_back({TimelineId(4), Lsn(8 * kSegment + 5), "promoted"});
  EXPECT_EQ(decide_start(server, at(2, 20)).value(), at(4, 7));
  EXPECT_EQ(decide_start(server, at(6, 8)).error().code, ErrorCode::WrongIdentity);
}

}  // namespace
}  // namespace pgkeel::archive
