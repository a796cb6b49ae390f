// Rows that go while their table stays: what is a loss and what only looks like one.
#include "sense/row_watch.hpp"

#include <gmock/gmock.h>

namespace pgkeel::sense {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Oid kOrders{16399};
constexpr SteadyTime kStart{Seconds(1'000)};
const Position kBefore{kStart, Lsn(0x3000)};

RowCount orders(std::int64_t live) {
  RowCount count;
  count.oid = kOrders;
  count.filenode = 100;
  count.rows = count.live = count.inserted = live;
  return count;
}

std::vector<RowLoss> after(RowWatch& watch, const RowCount& count, Seconds later) {
  return watch.look({count}, kBefore, kStart + later);
}

RowCount deleted(RowCount count, std::int64_t rows) {
  count.live -= rows;
  count.deleted += rows;
  return count;
}

TEST(RowWatch, MostRowsDeletedWithinAMinuteAreALoss) {
  // Goal: half of the rows and a hundred of them, with the rows before and after (D1).
  RowWatch watch;
  ASSERT_THAT(after(watch, orders(1000), Seconds(0)), IsEmpty());
  const auto losses = after(watch, deleted(orders(1000), 600), Seconds(1));
  ASSERT_THAT(losses, SizeIs(1));
  EXPECT_EQ(losses[0].kind, RowLossKind::Deleted);
  EXPECT_EQ(losses[0].rows_before, 1000);
  EXPECT_EQ(losses[0].rows_after, 400);
  EXPECT_EQ(losses[0].since, kStart);
  EXPECT_EQ(losses[0].lsn, Lsn(0x3000));
  EXPECT_THAT(after(watch, deleted(orders(1000), 600), Seconds(2)), IsEmpty());
}

TEST(RowWatch, WhatASessionTellsLateIsNoReasonToLookTooLate) {
  // Goal: D1: rows that still counted may have been deleted for as long as statistics are late; the
  // moment given is before that, the one of the last count beside it.
  RowWatch watch;
  const auto at = [](int second) {
    return Position{kStart + Seconds(second), Lsn(0x3000 + 0x100 * static_cast<unsigned>(second))};
  };
  std::vector<RowLoss> losses;
  for (int second = 0; second <= 40; ++second) {
    const auto count = second < 40 ? orders(1000) : deleted(orders(1000), 900);
    watch.remember(at(second));
    losses = watch.look({count}, at(second), kStart + Seconds(second));
    EXPECT_EQ(losses.size(), second < 40 ? 0U : 1U);
  }
  ASSERT_THAT(losses, SizeIs(1));
  EXPECT_EQ(losses[0].counted_lsn, at(39).lsn);
  EXPECT_EQ(losses[0].lsn, at(25).lsn) << "one is kept every five seconds";
}

TEST(RowWatch, WhatIsStillThereMovesTheMomentOn) {
  // Goal: D1: of a quiet table the moment is not that of its last count; of one that is being
  // deleted from in batches it is the one before the first.
  const auto at = [](int second) {
    return Position{kStart + Seconds(second), Lsn(0x3000 + 0x100 * static_cast<unsigned>(second))};
  };
  RowWatch watch;
  for (int second = 0; second <= 100; second += 5) {
    watch.remember(at(second));
    watch.note_still(at(second));
    if (second == 0) static_cast<void>(watch.look({orders(1000)}, Position{}, at(0).at));
  }
  EXPECT_THAT(watch.look({deleted(orders(1000), 300)}, at(101), at(101).at), IsEmpty());
  watch.note_still(at(102));
  const auto losses = watch.look({deleted(orders(1000), 900)}, at(103), at(103).at);
  ASSERT_THAT(losses, SizeIs(1));
  EXPECT_EQ(losses[0].counted_lsn, at(100).lsn);
  EXPECT_EQ(losses[0].lsn, at(85).lsn);
}

TEST(RowWatch, AMomentAfterTheLastCountIsNone) {
  // Goal: D1: of a watch that began a moment ago the first look's position is the best there is;
  // one that nobody saw before the rows were counted is no moment at which they were there.
  RowWatch watch;
  static_cast<void>(watch.look({orders(1000)}, Position{}, kStart));
  watch.remember({kStart + Seconds(30), Lsn(0x4000)});
  const auto unknown = watch.look({deleted(orders(1000), 900)}, {kStart + Seconds(30), Lsn(0x4000)},
                                  kStart + Seconds(31));
  ASSERT_THAT(unknown, SizeIs(1));
  EXPECT_FALSE(unknown[0].lsn.valid());
  RowWatch fresh;
  fresh.remember({kStart, Lsn(0x3000)});
  static_cast<void>(fresh.look({orders(1000)}, Position{}, kStart));
  const auto known = fresh.look({deleted(orders(1000), 900)}, {kStart + Seconds(30), Lsn(0x4000)},
                                kStart + Seconds(31));
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_EQ(known[0].lsn, Lsn(0x3000));
}

TEST(RowWatch, BatchesOfOneDeletionAddUp) {
  // Goal: a loop that deletes a tenth at a time is one deletion.
  RowWatch watch;
  static_cast<void>(after(watch, orders(1000), Seconds(0)));
  for (int step = 1; step < 5; ++step)
    EXPECT_THAT(after(watch, deleted(orders(1000), 100 * step), Seconds(step)), IsEmpty());
  EXPECT_THAT(after(watch, deleted(orders(1000), 500), Seconds(5)), SizeIs(1));
}

TEST(RowWatch, ASlowCleanupIsNone) {
  // Goal: what goes over hours, less than half a minute, cries no wolf.
  RowWatch watch;
  static_cast<void>(after(watch, orders(10'000), Seconds(0)));
  for (int minute = 1; minute < 10; ++minute)
    EXPECT_THAT(after(watch, deleted(orders(10'000), 1000 * minute / 2), Seconds(61 * minute)),
                IsEmpty());
}

TEST(RowWatch, FewRowsARollbackAndAQueueAreNone) {
  // Goal: under a hundred rows; deletions that live rows do not show; rows that come and go.
  RowWatch few;
  static_cast<void>(after(few, orders(99), Seconds(0)));
  EXPECT_THAT(after(few, deleted(orders(99), 99), Seconds(1)), IsEmpty());
  RowWatch rolled_back;
  static_cast<void>(after(rolled_back, orders(1000), Seconds(0)));
  auto counted = orders(1000);
  counted.deleted = 1000;
  EXPECT_THAT(after(rolled_back, counted, Seconds(1)), IsEmpty());
  RowWatch queue;
  auto jobs = orders(1000);
  jobs.deleted = 20'000;
  static_cast<void>(after(queue, jobs, Seconds(0)));
  EXPECT_THAT(after(queue, deleted(jobs, 1000), Seconds(1)), IsEmpty());
}

TEST(RowWatch, LostStatisticsAreNoLossOfRows) {
  // Goal: after a crash the counters begin at nothing; nobody deleted anything.
  RowWatch watch;
  static_cast<void>(after(watch, orders(1000), Seconds(0)));
  auto reset = orders(0);
  reset.rows = 1000;
  EXPECT_THAT(after(watch, reset, Seconds(1)), IsEmpty());
}

TEST(RowWatch, AnEmptyNewFileIsATruncation) {
  // Goal: the file is asked for, and only nothing in it is a loss; what was inserted since the last
  // look counts as lost (D1).
  RowWatch watch;
  static_cast<void>(after(watch, orders(10), Seconds(0)));
  auto emptied = orders(10);
  emptied.inserted = 1010;
  emptied.filenode = 101;
  emptied.maybe_empty = true;
  EXPECT_THAT(after(watch, emptied, Seconds(1)), IsEmpty());
  ASSERT_THAT(watch.suspects(), ElementsAre(kOrders));
  const auto loss = watch.measured(kOrders, 0, kStart + Seconds(1));
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->kind, RowLossKind::Truncated);
  EXPECT_EQ(loss->rows_before, 1010);
  EXPECT_THAT(watch.suspects(), IsEmpty());
}

TEST(RowWatch, ARewriteThatKeepsTheRowsIsNone) {
  // Goal: VACUUM FULL, CLUSTER and ALTER TABLE replace the file and keep what is in it.
  RowWatch watch;
  static_cast<void>(after(watch, orders(1000), Seconds(0)));
  auto rewritten = orders(1000);
  rewritten.filenode = 101;
  rewritten.maybe_empty = false;
  EXPECT_THAT(after(watch, rewritten, Seconds(1)), IsEmpty());
  EXPECT_THAT(watch.suspects(), IsEmpty());
  rewritten.filenode = 102;
  rewritten.maybe_empty = true;  // as ALTER TABLE leaves it until the next analysis
  EXPECT_THAT(after(watch, rewritten, Seconds(2)), IsEmpty());
  ASSERT_THAT(watch.suspects(), SizeIs(1));
  EXPECT_FALSE(watch.measured(kOrders, 40'960, kStart + Seconds(2)));
  EXPECT_THAT(watch.suspects(), IsEmpty());
  EXPECT_THAT(after(watch, rewritten, Seconds(3)), IsEmpty());
  EXPECT_THAT(after(watch, deleted(rewritten, 90), Seconds(4)), IsEmpty());
}

// A table whose new file is there, and nothing more is known of it.
RowCount replaced(RowCount count) {
  count.filenode = 101;
  count.maybe_empty = true;
  return count;
}

TEST(RowWatch, ATruncationIsSeenThoughARowCameAtOnce) {
  // Goal: on a table that is written into the file is never found empty; what fits into it are not
  // the rows there were (D1).
  RowWatch watch;
  static_cast<void>(after(watch, orders(1000), Seconds(0)));
  static_cast<void>(after(watch, replaced(orders(1000)), Seconds(1)));
  const auto loss = watch.measured(kOrders, 8192, kStart + Seconds(1));
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->kind, RowLossKind::Truncated);
  EXPECT_EQ(loss->rows_before, 1000);
  EXPECT_THAT(watch.suspects(), IsEmpty());
}

TEST(RowWatch, ASmallTableIsJudgedByItsLateStatistics) {
  // Goal: 200 rows fit into the page that one new row takes; the statistics tell them apart (D1).
  RowWatch watch;
  static_cast<void>(after(watch, orders(200), Seconds(0)));
  static_cast<void>(after(watch, replaced(orders(200)), Seconds(1)));
  EXPECT_FALSE(watch.measured(kOrders, 8192, kStart + Seconds(1)));
  EXPECT_THAT(watch.suspects(), IsEmpty());
  EXPECT_TRUE(watch.awaits_statistics());
  auto late = replaced(orders(200));
  late.live = 1;
  late.inserted = 201;
  const auto losses = after(watch, late, Seconds(3));
  ASSERT_THAT(losses, SizeIs(1));
  EXPECT_EQ(losses[0].kind, RowLossKind::Truncated);
  EXPECT_EQ(losses[0].rows_before, 200);
  EXPECT_EQ(losses[0].rows_after, 1);
  EXPECT_EQ(losses[0].since, kStart);
  EXPECT_FALSE(watch.awaits_statistics());
  EXPECT_THAT(after(watch, late, Seconds(4)), IsEmpty());
  RowWatch early;
  static_cast<void>(after(early, orders(200), Seconds(0)));
  static_cast<void>(after(early, late, Seconds(1)));
  EXPECT_TRUE(early.measured(kOrders, 8192, kStart + Seconds(1)));
}

TEST(RowWatch, ARewriteIsNoneWhenItsRowsGoLaterOrStatisticsAreReset) {
  // Goal: what is waited for is a truncation: not deletions, not a crash, not what comes too late.
  RowWatch watch;
  static_cast<void>(after(watch, orders(90), Seconds(0)));
  static_cast<void>(after(watch, replaced(orders(90)), Seconds(1)));
  EXPECT_FALSE(watch.measured(kOrders, 8192, kStart + Seconds(1)));
  EXPECT_THAT(after(watch, deleted(replaced(orders(90)), 80), Seconds(2)), IsEmpty());
  EXPECT_THAT(after(watch, replaced(orders(0)), Seconds(3)), IsEmpty());
  auto late = replaced(orders(90));
  late.live = 0;
  EXPECT_THAT(after(watch, replaced(orders(90)), Seconds(90)), IsEmpty());
  EXPECT_THAT(after(watch, late, Seconds(91)), IsEmpty());
}

TEST(RowWatch, ACountThatDoesNotAskLeavesTheNewFileToTheListing) {
  // Goal: a TRUNCATE committed between the fingerprint and the count is told by the next listing,
  // with the rows and the position from before (D1).
  RowWatch watch;
  static_cast<void>(after(watch, orders(1000), Seconds(0)));
  auto counted = replaced(orders(1000));
  counted.maybe_empty.reset();
  EXPECT_THAT(after(watch, counted, Seconds(1)), IsEmpty());
  EXPECT_THAT(watch.suspects(), IsEmpty());
  EXPECT_THAT(after(watch, replaced(orders(1000)), Seconds(2)), IsEmpty());
  const auto loss = watch.measured(kOrders, 0, kStart + Seconds(2));
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->rows_before, 1000);
  EXPECT_EQ(loss->since, kStart);
}

TEST(RowWatch, AnEmptyTableThatIsTruncatedLosesNothing) {
  // Goal: tests and migrations truncate empty tables all day.
  RowWatch watch;
  static_cast<void>(after(watch, orders(0), Seconds(0)));
  auto emptied = orders(0);
  emptied.filenode = 101;
  emptied.maybe_empty = true;
  static_cast<void>(after(watch, emptied, Seconds(1)));
  EXPECT_THAT(watch.suspects(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::sense
