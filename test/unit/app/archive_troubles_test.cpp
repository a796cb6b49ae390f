// What is said to be wrong with an archive, in virtual time, and how far it reaches.
#include "app/guard/archive_troubles.hpp"

#include <gmock/gmock.h>

namespace pgkeel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallTime kNow{Seconds(1'800'000'000)};
constexpr Seconds kHour{3600};

struct Archive {
  ArchiveView view;
  ArchiveHistory history;
  ArchiveConfig config;
  std::optional<archive::ReceiveStatus> receiver;
  std::string listing_failure;
  std::optional<SlotGivenUp> slot_given_up;

  [[nodiscard]] ArchiveScene scene() const {
    return {view, history, config, receiver, listing_failure, slot_given_up, kNow};
  }
  [[nodiscard]] std::vector<std::string> subjects() const {
    std::vector<std::string> found;
    for (const auto& trouble : troubles_of(scene())) found.push_back(trouble.subject);
    return found;
  }
};

Archive well() {
  Archive archive;
  archive.view.seen = true;
  archive.view.newest = "20261121T030000Z";
  archive.view.newest_at = kNow - kHour;
  archive.view.newest_proven = true;
  archive.view.drilled_at = archive.view.proven_at = kNow - kHour;
  archive.view.points = {{kNow - 48 * kHour, {kNow - 48 * kHour, TimelineId(1), Lsn(100)}},
                         {kNow - kHour, {kNow - kHour, TimelineId(1), Lsn(500)}}};
  archive.receiver.emplace();
  archive.receiver->written_at = kNow;
  return archive;
}

archive::WalGap gap_to(Lsn lsn) { return {TimelineId(1), Lsn(1), TimelineId(1), lsn, kNow}; }

TEST(ArchiveTroubles, AreNoneWhileAllIsWell) {
  // Goal: a fresh, proven backup and a live receiver are no trouble.
  EXPECT_THAT(well().subjects(), IsEmpty());
}

TEST(ArchiveTroubles, ABackupThatIsTooOldOrFailed) {
  // Goal: the age counts, whoever should have made the next one; a failure says its words (A10
  // D15).
  auto archive = well();
  archive.view.newest_at = kNow - 31 * kHour;
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.backup"));
  EXPECT_THAT(troubles_of(archive.scene()).front().text, HasSubstr("backup is 1 days 7 h old"));
  archive = well();
  archive.history.backup = {1, kNow, "no room"};
  EXPECT_EQ(troubles_of(archive.scene()).front().text, "The last backup failed: no room");
  archive = well();
  archive.view = {};
  archive.view.seen = true;
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.backup"));
  EXPECT_GT(troubles_of(archive.scene()).front().patience, Seconds(60));  // it is being made
}

TEST(ArchiveTroubles, ADrillThatFailedOrIsOverdue) {
  // Goal: a backup that did not prove itself is a trouble, also when the guard that saw the drill
  // fail is gone (A10 D15).
  auto archive = well();
  archive.view.newest_proven = false;
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.drill"));
  archive = well();
  archive.view.proven_at = kNow - 31 * kHour;
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.drill"));
  archive = well();
  archive.history.drill = {1, kNow, "bad page"};
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.drill"));
  archive.view.drilled_at = archive.view.proven_at = kNow + Seconds(1);  // by hand
  EXPECT_THAT(archive.subjects(), IsEmpty());
}

TEST(ArchiveTroubles, WalThatIsNotReceivedStoredOrFarBehind) {
  // Goal: each way WAL fails to arrive is one trouble, urgent, with the receiver's own hint (D15
  // E8).
  auto archive = well();
  archive.receiver->last_error = {"connect_failed", "refused", "Start it.", kNow};
  ASSERT_THAT(archive.subjects(), ElementsAre("archive.wal"));
  EXPECT_EQ(troubles_of(archive.scene()).front().hint, "Start it");
  EXPECT_TRUE(troubles_of(archive.scene()).front().urgent);
  archive = well();
  archive.receiver->written_at = kNow - Seconds(11);
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.wal"));
  archive = well();
  archive.receiver->lag = Millis(6 * 60'000);
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.wal"));
  archive.receiver.reset();
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.wal"));
}

TEST(ArchiveTroubles, WalThatIsLostUntilABackupFromBehindIt) {
  // Goal: a gap, and a slot that was given up before its gap is met, call a human until a backup
  // that began later is there (D15 E8).
  auto archive = well();
  archive.view.newest_start = {kNow - kHour, TimelineId(1), Lsn(500)};
  archive.receiver->gap = gap_to(Lsn(500));
  EXPECT_THAT(archive.subjects(), IsEmpty());
  archive.receiver->gap->to = Lsn(501);
  EXPECT_THAT(archive.subjects(), ElementsAre(kGapSubject));
  archive.receiver->gap->at = kNow - kHour - Seconds(1);  // the server was put back since
  EXPECT_THAT(archive.subjects(), IsEmpty());
  archive.receiver->gap.reset();
  archive.slot_given_up = SlotGivenUp{kNow - kHour - Seconds(1), Lsn(1), Lsn(2)};
  EXPECT_THAT(archive.subjects(), IsEmpty());
  archive.slot_given_up->at = kNow - kHour + Seconds(1);
  ASSERT_THAT(archive.subjects(), ElementsAre(kGapSubject));
  EXPECT_TRUE(troubles_of(archive.scene()).front().urgent);
  const auto read = parse_slot_given_up(to_json(*archive.slot_given_up));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at, archive.slot_given_up->at);
  EXPECT_EQ(read->server, Lsn(2));
  EXPECT_FALSE(parse_slot_given_up(""));
}

TEST(ArchiveTroubles, WhatGoesOnInTheBackgroundMayFailOnce) {
  // Goal: one lost line to a far store is noise, two are not.
  auto archive = well();
  archive.history.copy = {1, kNow, "no route"};
  archive.history.expire = {2, kNow, "denied"};
  EXPECT_THAT(archive.subjects(), ElementsAre("archive.expire"));
}

TEST(ArchiveHistory, OfFailuresOutlivesTheGuard) {
  // Goal: a guard that begins does not take for healed what only waits for its next attempt (D6).
  ArchiveHistory history;
  history.drill = {3, kNow, "bad \"page\""};
  history.backup.ended_at = kNow;
  const auto read = parse_history(to_json(history));
  EXPECT_EQ(read.drill.failures, 3);
  EXPECT_EQ(read.drill.ended_at, kNow);
  EXPECT_EQ(read.drill.failure, "bad \"page\"");
  EXPECT_EQ(read.backup.failures, 0);
  EXPECT_EQ(parse_history("nonsense").drill.failures, 0);
}

TEST(RestorableWindow, BeginsBehindTheNewestGap) {
  // Goal: what lies before lost WAL cannot be promised; the end is what is on the archive's disk.
  auto archive = well();
  archive.receiver->lag = Millis(2'000);
  EXPECT_EQ(restorable_window(archive.scene())->from, kNow - 48 * kHour);
  EXPECT_EQ(restorable_window(archive.scene())->until, kNow - Seconds(2));
  archive.receiver->gap = gap_to(Lsn(400));
  EXPECT_EQ(restorable_window(archive.scene())->from, kNow - kHour);
  archive.receiver->gap->to = Lsn(600);
  EXPECT_FALSE(restorable_window(archive.scene()).has_value());
  archive.view.points.push_back({kNow, {kNow, TimelineId(2), Lsn(300)}});  // restored to before it
  ASSERT_TRUE(restorable_window(archive.scene()).has_value());
  EXPECT_EQ(restorable_window(archive.scene())->from, kNow);
}

}  // namespace
}  // namespace pgkeel::app
