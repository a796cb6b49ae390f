// What is said of the WAL that a restore did not bring back.
#include "recover/lost_tail.hpp"

#include <gmock/gmock.h>

namespace pgkeel::recover {
namespace {

using testing::HasSubstr;

constexpr Lsn kSeen{0x3000100};
const SteadyTime kLooked{Seconds{100}};

sense::Observation lost(bool waited) {
  sense::Observation seen;
  seen.sync = {true, waited, waited, std::nullopt};
  seen.catalog.wal = {kLooked, kSeen};
  seen.process.died_at = kLooked + Millis{300};
  return seen;
}

TEST(LostTail, IsNothingWhereCommitsWaitedForTheArchive) {
  // Goal: sync mode loses no acknowledged commit, and says so (D7 X2).
  EXPECT_EQ(words_of(tail_of(lost(true), {Lsn{0x3000000}})), "");
}

TEST(LostTail, IsToldWhereProtectionHadCeased) {
  // Goal: an open interval without protection, or sync that was never reached, promises nothing.
  auto seen = lost(true);
  seen.sync.unprotected = sense::Unprotected{WallTime{}, std::nullopt, "it hangs"};
  EXPECT_NE(words_of(tail_of(seen, {kSeen})), "");
  seen.sync.unprotected->until = WallTime{};
  EXPECT_EQ(words_of(tail_of(seen, {kSeen})), "");
  seen.sync.armed = false;
  EXPECT_NE(words_of(tail_of(seen, {kSeen})), "");
}

TEST(LostTail, IsMeasuredUpToTheLastLook) {
  // Goal: bytes between where the archive ends and where the server was seen, and the time nobody
  // saw (D7).
  EXPECT_EQ(
      words_of(tail_of(lost(false), {Lsn{0x3000000}})),
      "256 B of WAL from 0/3000000 to 0/3000100, seen 300 ms before it was lost, and what was "
      "committed after that");
  EXPECT_EQ(words_of(tail_of(lost(false), {kSeen})),
            "what was committed after 0/3000100, where the archive ends: all that was seen 300 ms "
            "before it was lost is there");
}

TEST(LostTail, ClaimsNoMeasureWhereNobodyLooked) {
  // Goal: a guard that came later knows only where the archive ends.
  auto seen = lost(false);
  seen.catalog.wal = {};
  EXPECT_EQ(words_of(tail_of(seen, {kSeen})),
            "what was committed after 0/3000100, where the archive ends");
  seen = lost(false);
  seen.process.died_at.reset();
  EXPECT_THAT(words_of(tail_of(seen, {kSeen})), HasSubstr("an unknown time before"));
}

TEST(LostTail, IsToldWhereAGapOrACancelledWaitBroughtLess) {
  // Goal: WAL the archive lost, and a commit that gave up waiting, are not called safe.
  EXPECT_NE(words_of(tail_of(lost(true), {kSeen, true})), "");
  auto seen = lost(true);
  seen.log_watch.sync_waits_canceled = 1;
  EXPECT_NE(words_of(tail_of(seen, {kSeen})), "");
}

TEST(ReachedBy, IsReadFromTheCommandsWord) {
  // Goal: anything but the command's own JSON says nothing.
  const auto whole = reached_by(R"({"into":"/x","lsn":"0/3000100","gap":null})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->lsn, kSeen);
  EXPECT_FALSE(whole->gap);
  EXPECT_TRUE(reached_by(R"({"lsn":"0/3000100","gap":"000000010000000000000003"})")->gap);
  for (const auto* word : {"", "{", "[]", "{}", R"({"lsn":3})", R"({"lsn":"x"})"})
    EXPECT_FALSE(reached_by(word)) << word;
}

}  // namespace
}  // namespace pgkeel::recover
