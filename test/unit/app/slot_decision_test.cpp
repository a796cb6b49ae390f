// When the receiver's slot is given up, in virtual time.
#include "app/guard/slot_decision.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20U;
constexpr std::uint64_t kGigabyte = 1024 * kMegabyte;
constexpr SteadyTime kStart{std::chrono::hours(1)};

SteadyTime at(int seconds) { return kStart + Seconds(seconds); }

// A 20 GB disk with 900 MB left, of which the slot holds two more.
SlotView hopeless() {
  SlotView view;
  view.held_from = Lsn(100);
  view.server = Lsn(100 + 2 * kGigabyte);
  view.freeable_bytes = 2 * kGigabyte;
  view.disk = {20 * kGigabyte, 900 * kMegabyte};
  return view;
}

bool given_up_after_two_looks(const SlotView& view) {
  SlotDecision decision;
  return decision.give_up(view, at(0)) || decision.give_up(view, at(10));
}

TEST(SlotDecision, GivesUpWhenTwoLooksAgree) {
  // Goal: never at once, and not at a second look that follows on its heels (D15 E8).
  SlotDecision decision;
  EXPECT_FALSE(decision.give_up(hopeless(), at(0)));
  EXPECT_FALSE(decision.give_up(hopeless(), at(4)));
  EXPECT_TRUE(decision.give_up(hopeless(), at(5)));
}

TEST(SlotDecision, StartsAnewAfterEveryDoubt) {
  // Goal: room that came back, or an archive that got on, between the looks is a doubt.
  SlotDecision decision;
  EXPECT_FALSE(decision.give_up(hopeless(), at(0)));
  auto moved = hopeless();
  moved.held_from = Lsn(200);
  EXPECT_FALSE(decision.give_up(moved, at(10)));
  EXPECT_TRUE(decision.give_up(moved, at(15)));
  decision.all_is_well();
  EXPECT_FALSE(decision.give_up(moved, at(20)));
}

TEST(SlotDecision, KeepsASlotThatIsUsedOrWaitedFor) {
  // Goal: a receiver that is there is not cut off, and commits that wait for the archive are not
  // released behind the operator's back (D7).
  auto used = hopeless();
  used.active = true;
  EXPECT_FALSE(given_up_after_two_looks(used));
  auto waited_for = hopeless();
  waited_for.commits_wait = true;
  EXPECT_FALSE(given_up_after_two_looks(waited_for));
  EXPECT_TRUE(given_up_after_two_looks(hopeless()));
}

TEST(SlotDecision, KeepsASlotThatIsNotTheTrouble) {
  // Goal: a disk that something else has filled is not helped by a gap; one with room left needs
  // none.
  auto other = hopeless();
  other.freeable_bytes = 800 * kMegabyte;
  EXPECT_FALSE(given_up_after_two_looks(other));
  auto room = hopeless();
  room.disk.bytes_free = 2 * kGigabyte;
  EXPECT_FALSE(given_up_after_two_looks(room));
  auto little = hopeless();
  little.disk = {kGigabyte, kMegabyte};
  little.freeable_bytes = 48 * kMegabyte;
  EXPECT_FALSE(given_up_after_two_looks(little));
  little.freeable_bytes = 64 * kMegabyte;
  EXPECT_TRUE(given_up_after_two_looks(little));
}

TEST(SlotDecision, ARefusalTakesTheGapBack) {
  // Goal: a slot the receiver took up again between the look and the drop is no gap; one whose end
  // is not known, or that somebody else has dropped, stays one (D15 E8).
  EXPECT_TRUE(surely_kept("55006"));
  EXPECT_TRUE(surely_kept("42501"));
  EXPECT_FALSE(surely_kept("57014")) << "cancelled: perhaps dropped";
  EXPECT_FALSE(surely_kept("42704")) << "gone, with its WAL";
  EXPECT_FALSE(surely_kept("")) << "the connection was lost";
}

}  // namespace
}  // namespace pgkeel::app
