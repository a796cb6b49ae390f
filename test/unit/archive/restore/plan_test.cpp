// Targets and plans: what is understood, what is chosen, what is refused and with which words.
#include "archive/restore/plan.hpp"

#include <gmock/gmock.h>

#include "archive/catalog/layout.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr auto kSegment = pg::kDefaultWalSegmentBytes;

Backup backup(const std::string& label, std::uint64_t first, const char* ended) {
  Backup made;
  made.label = label;
  made.timeline = TimelineId(1);
  made.start_lsn = Lsn(first * kSegment + 0x28);
  made.stop_lsn = Lsn((first + 1) * kSegment);
  made.ended_at = parse_iso8601(ended).value();
  return made;
}

struct Archive {
  test::MemoryStore store;
  std::vector<Backup> backups = {backup("20261120T030000Z", 3, "2026-11-20T03:05:00Z"),
                                 backup("20261121T030000Z", 9, "2026-11-21T03:05:00Z")};
  std::vector<pg::WalSegment> received = {};
  Lineage lineage = {};

  void put(std::uint64_t first, std::uint64_t last, std::uint32_t timeline = 1) {
    for (auto number = first; number <= last; ++number)
      store.objects[wal_key({TimelineId(timeline), number}, kSegment, std::string(64, 'a')) +
                    ".zst"] = "";
  }
  Result<RestorePlan> plan(std::string_view target, const std::optional<std::string>& label = {},
                           std::optional<TimelineId> timeline = {}) {
    const auto index = WalIndex::read(store, kSegment).value();
    return plan_restore(backups, {&index, received}, lineage,
                        {parse_target(target).value(), label, timeline});
  }
  // Timeline 1 was left in segment 6, between the two backups, and archived up to segment 12.
  void go_back() {
    put(3, 12);
    put(6, 8, 2);
    lineage.add(TimelineId(2), {{TimelineId(1), Lsn(6 * kSegment + 0x500), "restored"}});
  }
};

TEST(RecoveryTarget, ReadsEveryForm) {
  // Goal: each form becomes the server's own setting; anything else says what is accepted (D10).
  EXPECT_TRUE(target_settings(parse_target("latest").value()).empty());
  EXPECT_THAT(target_settings(parse_target("before:0/3A7D9060").value()),
              ElementsAre(Pair("recovery_target_lsn", "0/3A7D9060"),
                          Pair("recovery_target_inclusive", "off"),
                          Pair("recovery_target_action", "promote")));
  EXPECT_EQ(target_settings(parse_target("xid:23015").value()).front().second, "23015");
  EXPECT_EQ(target_settings(parse_target("name:before migration").value()).front().second,
            "before migration");
  for (const char* same : {"2026-11-21T03:04:05Z", "2026-11-21 03:04:05", "2026-11-21 04:04:05+01",
                           "2026-11-21T01:34:05-01:30"})
    EXPECT_EQ(target_settings(parse_target(same).value()).front().second,
              "2026-11-21 03:04:05.000000+00")
        << same;
  for (const char* bad : {"", "yesterday", "before:latest", "xid:", "xid:0", "xid:1x",
                          "name:", "0/", "2026-11-21T25:00:00Z", "2026-11-21 03:04:05+x"}) {
    const auto refused = parse_target(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::Usage);
    EXPECT_THAT(std::string(refused.error().hint()), HasSubstr("xid:NUMBER"));
  }
}

TEST(RestorePlan, TakesTheNewestBackupBeforeTheTarget) {
  // Goal: latest starts from the newest backup, an earlier moment from the one before it (D10).
  Archive archive;
  archive.put(3, 12);
  EXPECT_EQ(archive.plan("latest")->backup.label, "20261121T030000Z");
  EXPECT_EQ(archive.plan("2026-11-21T03:00:00Z")->backup.label, "20261120T030000Z");
  EXPECT_EQ(archive.plan("0/6000000")->backup.label, "20261120T030000Z");
  EXPECT_EQ(archive.plan("latest", "20261120T030000Z")->backup.label, "20261120T030000Z");
}

TEST(RestorePlan, NamesTheNearestMomentWhenTheTargetCannotBeReached) {
  // Goal: before the first backup, behind the last WAL, without a backup: clear words (D10).
  Archive archive;
  archive.put(3, 12);
  const auto early = archive.plan("2026-11-19T00:00:00Z");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::NotFound);
  EXPECT_THAT(std::string(early.error().hint()), HasSubstr("2026-11-20T03:05:00.000Z"));
  const auto late = archive.plan("0/20000000");
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().detail, HasSubstr("ends at 0/D000000"));
  EXPECT_EQ(archive.plan("latest", "20270101T000000Z").error().code, ErrorCode::NotFound);
  archive.backups.clear();
  EXPECT_THAT(std::string(archive.plan("latest").error().hint()), HasSubstr("backup now"));
}

TEST(RestorePlan, InsistsOnTheWalOfTheBackupAndTellsOfAGap) {
  // Goal: a backup without its own WAL is no backup; WAL behind a gap is not silently dropped (X4).
  Archive archive;
  archive.put(3, 4);
  EXPECT_THAT(archive.plan("latest").error().detail, HasSubstr("000000010000000000000009"));
  archive.received = {{TimelineId(1), 9}};
  EXPECT_TRUE(archive.plan("latest")) << "what was received counts";
  archive.put(12, 14);
  const auto gap = archive.plan("latest");
  ASSERT_TRUE(gap);
  ASSERT_TRUE(gap->gap);
  EXPECT_EQ(gap->gap->number, 12U);
}

TEST(RestorePlan, StartsFromABackupThatTheTimelineComesFrom) {
  // Goal: after a restore to an earlier moment the newest backup may lie on the branch that was
  // left: it is passed over, and what is not restored is said (D10).
  Archive archive;
  archive.go_back();
  const auto latest = archive.plan("latest");
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->backup.label, "20261120T030000Z");
  EXPECT_EQ(latest->timeline, TimelineId(2));
  ASSERT_TRUE(latest->abandoned);
  EXPECT_EQ(latest->abandoned->timeline, TimelineId(1));
  EXPECT_FALSE(latest->gap);
  archive.backups.push_back(backup("20261122T030000Z", 7, "2026-11-22T03:05:00Z"));
  archive.backups.back().timeline = TimelineId(2);
  EXPECT_EQ(archive.plan("latest")->backup.label, "20261122T030000Z");
}

TEST(RestorePlan, FollowsTheTimelineThatWasAskedFor) {
  // Goal: the abandoned branch can be had by its number or by naming its backup; a backup that a
  // timeline does not come from is refused with the number that works (D10).
  Archive archive;
  archive.go_back();
  const auto first = archive.plan("latest", {}, TimelineId(1));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->backup.label, "20261121T030000Z");
  EXPECT_EQ(first->timeline, TimelineId(1));
  EXPECT_FALSE(first->abandoned);
  EXPECT_EQ(archive.plan("latest", "20261121T030000Z")->timeline, TimelineId(1));
  EXPECT_EQ(archive.plan("latest", "20261120T030000Z")->timeline, TimelineId(2));
  const auto refused = archive.plan("latest", "20261121T030000Z", TimelineId(2));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("timeline 2 left timeline 1 at 0/6000500"));
  EXPECT_THAT(std::string(refused.error().hint()), HasSubstr("--timeline 1"));
  const auto unknown = archive.plan("latest", {}, TimelineId(7));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(std::string(unknown.error().hint()), HasSubstr("the timelines 1, 2"));
  const auto late = archive.plan("0/20000000", {}, TimelineId(1));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().detail, HasSubstr("ends at 0/D000000"));
}

}  // namespace
}  // namespace pgkeel::archive
