// When the shadow's state becomes an incident, and what it says.
#include "app/guard/shadow_troubles.hpp"

#include <gmock/gmock.h>

namespace pgkeel::app {
namespace {

using shadow::ShadowState;
using shadow::ShadowStatus;
using testing::HasSubstr;

const WallTime kNow = *parse_iso8601("2026-11-22T12:00:00Z");

ShadowStatus in(ShadowState state) {
  ShadowStatus status;
  status.written_at = kNow - Seconds(1);
  status.state = state;
  return status;
}

TEST(ShadowTrouble, IsNoneWhileItWorks) {
  // Goal: building, replaying and following are no trouble, however long they take.
  for (const auto state : {ShadowState::Building, ShadowState::Starting, ShadowState::Following})
    EXPECT_FALSE(shadow_trouble(in(state), kNow)) << to_string(state);
}

TEST(ShadowTrouble, TellsAtOnceOfACopyThatCouldNotBeReplayed) {
  // Goal: any failure of replay is an incident of its own, also while the next copy follows (D7).
  auto status = in(ShadowState::Following);
  status.given_up = archive::ReceiveProblem{"ServerStartFailed", "invalid record at 0/3000100.", "",
                                            kNow - Seconds(40)};
  const auto trouble = shadow_trouble(status, kNow);
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->subject, "archive.shadow");
  EXPECT_TRUE(trouble->urgent);
  EXPECT_EQ(trouble->patience, Millis{0});
  EXPECT_EQ(
      trouble->text,
      "A copy made of the archive could not be replayed, at 2026-11-22T11:59:20.000Z: invalid "
      "record at 0/3000100");
  EXPECT_THAT(trouble->hint, HasSubstr("pgkeel backup drill"));
}

TEST(ShadowTrouble, HasPatienceWithWhatStandsStill) {
  // Goal: what may pass by itself is told when it lasts, with its own hint.
  auto status = in(ShadowState::Held);
  status.problem = archive::ReceiveProblem{"WrongState", "a tablespace.", "Make a backup.", kNow};
  const auto held = shadow_trouble(status, kNow);
  ASSERT_TRUE(held);
  EXPECT_FALSE(held->urgent);
  EXPECT_GT(held->patience, Millis{60'000});
  EXPECT_EQ(held->text, "The shadow does not follow: a tablespace");
  EXPECT_EQ(held->hint, "Make a backup");
  status.state = ShadowState::Building;  // again, after a moment's rest
  EXPECT_EQ(shadow_trouble(status, kNow)->text, held->text);
  status = in(ShadowState::Following);
  status.written_at = kNow - Seconds(31);
  EXPECT_THAT(shadow_trouble(status, kNow)->text, HasSubstr("nothing was heard of it since"));
  EXPECT_THAT(shadow_trouble(std::nullopt, kNow)->text, HasSubstr("it never ran"));
}

}  // namespace
}  // namespace pgkeel::app
