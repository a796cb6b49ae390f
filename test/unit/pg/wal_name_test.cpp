#include "pg/wal_name.hpp"

#include <gmock/gmock.h>

namespace pgkeel::pg {
namespace {

constexpr std::uint64_t k16M = kDefaultWalSegmentBytes;
constexpr std::uint64_t k1M = 1U << 20U;

TEST(WalName, GoesBothWaysAtEverySegmentSize) {
  // Goal: a position is found in the segment whose name the server would give it.
  const auto segment = segment_of(TimelineId(1), Lsn(0x3A7D9060), k16M);
  EXPECT_EQ(segment_name(segment, k16M), "00000001000000000000003A");
  EXPECT_EQ(segment.start(k16M), Lsn(0x3A000000));
  EXPECT_EQ(segment.end(k16M), segment.next().start(k16M));
  const WalSegment far{TimelineId(0xAB), (3ULL << 12U) + 0xFFF};
  EXPECT_EQ(segment_name(far, k1M), "000000AB0000000300000FFF");
  EXPECT_EQ(parse_segment_name("000000AB0000000300000FFF", k1M), far);
}

TEST(WalName, RefusesWhatNoServerNames) {
  // Goal: only names a server could have made are taken for segments or histories.
  for (const char* bad : {"", "00000001000000000000003", "00000001000000000000003A.partial",
                          "00000001000000000000003a", "000000000000000000000001",
                          "000000010000000000000100", "0000000100000000 000003A"})
    EXPECT_FALSE(parse_segment_name(bad, k16M)) << bad;
  EXPECT_EQ(parse_history_name("0000000C.history"), TimelineId(12));
  for (const char* bad : {"", ".history", "00000000.history", "0000000C.historyx", "C.history"})
    EXPECT_FALSE(parse_history_name(bad)) << bad;
  EXPECT_TRUE(valid_segment_bytes(k16M));
  EXPECT_FALSE(valid_segment_bytes(k16M + 1));
  EXPECT_FALSE(valid_segment_bytes(512));
}

TEST(WalHistory, ListsTheParentsInOrder) {
  // Goal: the lines a promoted server writes are read; anything else is an error with its line.
  const auto history = parse_history(
      "1\t0/3000060\tno recovery target specified\n\n"
      "# a comment\n2\t0/5000000\tbefore 2026-11-21 03:00:00+00\n");
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ(history->at(0).parent, TimelineId(1));
  EXPECT_EQ(history->at(1).switch_at, Lsn(0x5000000));
  EXPECT_EQ(history->at(1).reason, "before 2026-11-21 03:00:00+00");
  for (const char* bad : {"x\t0/1\n", "0\t0/1\n", "1\n", "1\t0-1\n", "1 0/1\n2x 0/3\n"})
    EXPECT_EQ(parse_history(bad).error().code, ErrorCode::Malformed) << bad;
}

}  // namespace
}  // namespace pgkeel::pg
