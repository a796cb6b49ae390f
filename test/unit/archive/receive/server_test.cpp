// What a server's errors say of the WAL that was asked for.
#include "archive/receive/server.hpp"

#include <gtest/gtest.h>

namespace pgkeel::archive {
namespace {

Error said(std::string sqlstate, std::string message) {
  Error error(ErrorCode::Query, std::move(message));
  error.sqlstate = std::move(sqlstate);
  return error;
}

TEST(ServerErrors, TellALostSegmentInEveryLanguage) {
  // Goal: a server that speaks German does not keep the receiver asking for ever (D7 D15).
  EXPECT_TRUE(segment_is_gone(
      said("58P01", "requested WAL segment 00000001000000000000000A has already been removed")));
  EXPECT_TRUE(segment_is_gone(
      said("58P01", "das angeforderte WAL-Segment 00000001000000000000000A wurde schon entfernt")));
  EXPECT_TRUE(segment_is_gone(said("58P01", "00000001000000000000000A")));
}

TEST(ServerErrors, TakeNothingElseForALostSegment) {
  // Goal: only a segment that is not there renews the slot and leaves a gap (D15).
  EXPECT_FALSE(segment_is_gone(said(
      "58030", "could not read file \"pg_wal/00000001000000000000000A\": Input/output error")));
  EXPECT_FALSE(segment_is_gone(said("58P01", "could not open file \"pg_wal/00000002.history\"")));
  EXPECT_FALSE(segment_is_gone(said("58P01", "system 00000001000000000000000A0 has no such file")));
  EXPECT_FALSE(segment_is_gone(said("", "00000001000000000000000A")));
}

}  // namespace
}  // namespace pgkeel::archive
