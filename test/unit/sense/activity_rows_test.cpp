// What is made of the answers about activity without a server: chains of waiting sessions, counts
// that go on from look to look.
#include "sense/activity_rows.hpp"

#include <gmock/gmock.h>

namespace pgkeel::sense {
namespace {

using testing::HasSubstr;

OpenTransaction of(pid_t pid, Seconds open_for = Seconds(60)) {
  OpenTransaction transaction;
  transaction.pid = pid;
  transaction.open_for = open_for;
  return transaction;
}

TEST(ActivityChains, CountEverybodyBehindTheRoot) {
  // Goal: who waits behind somebody who waits counts for the root; a session that waits counts for
  // nobody but those it holds up (B14 K31).
  std::vector<OpenTransaction> transactions = {of(1), of(2), of(9)};
  count_waiting({{2, {"pid 2 (a, b)", {1}}}, {3, {"pid 3 (a, b)", {2}}}, {4, {"pid 4", {2, 1}}}},
                transactions);
  EXPECT_EQ(transactions[0].blocks, 3);
  EXPECT_EQ(transactions[0].blocking_looks, 1);
  EXPECT_THAT(transactions[0].waiting, HasSubstr("pid 2 (a, b), pid 3 (a, b)"));
  EXPECT_EQ(transactions[1].blocks, 2);
  EXPECT_EQ(transactions[2].blocks, 0);
  EXPECT_EQ(transactions[2].blocking_looks, 0);
}

TEST(ActivityChains, ACircleEnds) {
  // Goal: two that wait for each other, before the server breaks it, and a prepared transaction
  // (pid 0) are no harm (K29).
  std::vector<OpenTransaction> transactions = {of(1), of(2)};
  count_waiting({{1, {"pid 1", {2}}}, {2, {"pid 2", {1, 0}}}}, transactions);
  EXPECT_EQ(transactions[0].blocks, 1);
  EXPECT_EQ(transactions[1].blocks, 1);
}

TEST(ActivityLooks, InARowAreCounted) {
  // Goal: the same transaction, slot and archiver go on counting, another transaction of the same
  // session begins anew, and what was seen once wants a second look (D2).
  ActivityFacts before;
  before.transactions = {of(1), of(2)};
  before.transactions[0].blocking_looks = before.transactions[1].blocking_looks = 1;
  before.slots.emplace_back().name = "s";
  before.slots[0].idle_looks = 4;
  before.archiver.emplace().failing_looks = 1;
  auto now = before;
  now.transactions = {of(1, Seconds(75)), of(2, Seconds(3))};
  for (auto& transaction : now.transactions) transaction.blocks = transaction.blocking_looks = 1;
  now.slots[0].idle_looks = 1;
  EXPECT_TRUE(wants_confirming(now));
  carry_over(before, now);
  EXPECT_EQ(now.transactions[0].blocking_looks, 2);
  EXPECT_EQ(now.transactions[1].blocking_looks, 1);
  EXPECT_EQ(now.slots[0].idle_looks, 5);
  EXPECT_EQ(now.archiver->failing_looks, 2);
  EXPECT_TRUE(wants_confirming(now));
  now.transactions.clear();
  EXPECT_FALSE(wants_confirming(now));
  now.slots[0].active = true;
  now.slots[0].idle_looks = 0;
  auto later = now;
  carry_over(now, later);
  EXPECT_EQ(later.slots[0].idle_looks, 0);
}

TEST(ActivityLooks, TimeCountsWhileNothingHappenedBetween) {
  // Goal: a slot is idle and the archiver fails since the look that first found it, until one finds
  // the slot in use or a success in between: a hiccup begins anew (K8 K9 D2).
  const SteadyTime start{Seconds(1000)};
  ActivityFacts before;
  before.at = start;
  before.slots.emplace_back().idle_looks = 1;
  before.archiver.emplace().failing_looks = 1;
  carry_over({}, before);
  EXPECT_EQ(before.slots[0].idle_since, start);
  EXPECT_EQ(before.archiver->failing_since, start);
  ActivityFacts now;
  now.at = start + Seconds(15);
  now.slots.emplace_back().idle_looks = 1;
  now.archiver.emplace().failing_looks = 1;
  auto other = now;
  carry_over(before, now);
  EXPECT_EQ(now.slots[0].idle_since, start);
  EXPECT_EQ(now.archiver->failing_since, start);
  before.slots[0].active = true;
  other.archiver->archived = 1;
  carry_over(before, other);
  EXPECT_EQ(other.slots[0].idle_since, other.at);
  EXPECT_EQ(other.archiver->failing_since, other.at);
  EXPECT_EQ(other.archiver->failing_looks, 1);
}

}  // namespace
}  // namespace pgkeel::sense
