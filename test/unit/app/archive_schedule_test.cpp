// When the guard backs up, drills and expires, in virtual time.
#include "app/guard/archive_schedule.hpp"

#include <gmock/gmock.h>

#include "app/guard/archive_keeper.hpp"

namespace pgkeel::app {
namespace {

using testing::Eq;
using testing::Optional;

constexpr WallTime kNow{Seconds(1'800'000'000)};
constexpr Seconds kHour{3600};

struct Archive {
  ArchiveView view;
  ServerView server;
  ArchiveHistory history;
  ArchiveConfig config;
  [[nodiscard]] std::optional<ArchiveJob> due(Seconds later = {}) const {
    return due_job(view, server, history, config, kNow + later);
  }
};

archive::WalGap gap_to(Lsn lsn) { return {TimelineId(1), Lsn(1), TimelineId(1), lsn, kNow}; }

Archive proven() {
  Archive archive;
  archive.view.seen = true;
  archive.view.newest = "20261121T030000Z";
  archive.view.newest_at = kNow - kHour;
  archive.view.newest_proven = true;
  archive.view.drilled_at = archive.view.proven_at = kNow - kHour;
  archive.history.expire.ended_at = kNow;
  return archive;
}

TEST(ArchiveSchedule, BeginsWithABackupThenProvesIt) {
  // Goal: nothing is assumed of a store nobody has looked at; the first backup comes at once, its
  // drill right after it (A10 D17).
  Archive archive;
  EXPECT_FALSE(archive.due());
  archive.view.seen = true;
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Backup)));
  archive.view.newest = "20261121T030000Z";
  archive.view.newest_at = kNow;
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Drill)));
}

TEST(ArchiveSchedule, KeepsItsIntervals) {
  // Goal: daily backups, daily drills, expiry only behind a proven backup (A10 D11).
  auto archive = proven();
  EXPECT_FALSE(archive.due());
  EXPECT_THAT(archive.due(23 * kHour), Optional(Eq(ArchiveJob::Backup)));
  archive.config.full_every = Seconds(30 * 24 * 3600);
  EXPECT_THAT(archive.due(23 * kHour), Optional(Eq(ArchiveJob::Drill)));
  archive.history.expire.ended_at.reset();
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Expire)));
  archive.view.newest_proven = false;
  archive.view.drilled_at = kNow;
  EXPECT_FALSE(archive.due()) << "nothing expires behind a backup that is not proven";
  EXPECT_THAT(archive.due(kHour), Optional(Eq(ArchiveJob::Drill))) << "a failed drill is repeated";
}

TEST(ArchiveSchedule, ANewTimelineOrLostWalAsksForABackup) {
  // Goal: after a restore, and after WAL was lost, the next backup does not wait a day (D7 D15).
  auto archive = proven();
  archive.server.timeline = TimelineId(1);
  archive.view.newest_start = {{}, TimelineId(1), Lsn(100)};
  EXPECT_FALSE(archive.due());
  archive.server.gap = gap_to(Lsn(100));
  EXPECT_FALSE(archive.due()) << "it begins behind the gap";
  archive.server.slot_given_up_at = kNow - kHour;
  archive.view.newest_start.at = kNow - Seconds(60);
  EXPECT_FALSE(archive.due()) << "it began after the slot was given up";
  archive.server.slot_given_up_at = kNow;
  EXPECT_EQ(archive.due(), ArchiveJob::Backup);
  archive.server.slot_given_up_at.reset();
  archive.server.gap = gap_to(Lsn(101));
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Backup)));
  archive.server = {TimelineId(2)};
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Backup)));
}

TEST(ArchiveSchedule, AGapIsClosedByABackupOfALaterTime) {
  // Goal: a restore to a moment before a gap puts the server's positions back below it; the backup
  // made then closes the gap, and drills and expiry go on (D15 A10).
  auto archive = proven();
  archive.server = {TimelineId(2), gap_to(Lsn(900))};
  archive.view.newest_start = {kNow - Seconds(60), TimelineId(2), Lsn(300)};
  EXPECT_EQ(archive.due(), ArchiveJob::Backup) << "begun before the gap was met";
  archive.view.newest_start.at = kNow;
  EXPECT_FALSE(archive.due());
  archive.view.drilled_at.reset();
  EXPECT_EQ(archive.due(), ArchiveJob::Drill);
  archive.view.newest_start.at.reset();
  EXPECT_EQ(archive.due(), ArchiveJob::Backup) << "a time that is not known closes nothing";
}

TEST(ArchiveSchedule, KeepsTheOffsiteCopyCurrent) {
  // Goal: every few minutes, and with a retention of its own (C3 D11).
  auto archive = proven();
  archive.config.offsite.where = "s3://bucket/copy";
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::Copy)));
  archive.history.copy.ended_at = kNow;
  EXPECT_THAT(archive.due(), Optional(Eq(ArchiveJob::ExpireCopy)));
  archive.history.expire_copy.ended_at = kNow;
  EXPECT_FALSE(archive.due());
  EXPECT_THAT(archive.due(Seconds(300)), Optional(Eq(ArchiveJob::Copy)));
}

TEST(ArchiveSchedule, BacksOffAfterFailures) {
  // Goal: a store that is away is not hammered, and never given up.
  Archive archive;
  archive.view.seen = true;
  archive.history.backup = {1, kNow, "no room"};
  EXPECT_FALSE(archive.due(Seconds(299)));
  EXPECT_THAT(archive.due(Seconds(300)), Optional(Eq(ArchiveJob::Backup)));
  archive.history.backup.failures = 2;
  EXPECT_FALSE(archive.due(Seconds(599)));
  archive.history.backup.failures = 1000;
  EXPECT_FALSE(archive.due(kHour - Seconds(1)));
  EXPECT_THAT(archive.due(kHour), Optional(Eq(ArchiveJob::Backup)));
}

TEST(ArchiveView, IsReadFromTheListing) {
  // Goal: what `backup list --json` says becomes the view; anything else is an error (X4).
  const auto view = parse_backup_list(
      R"({"backups":[
        {"backup":"20261120T030000Z","ended_at":"2026-11-20T03:01:00Z","proven":true,
         "stored_bytes":5,"drill":{"at":"2026-11-20T04:00:00Z","restore_ms":620}},
        {"backup":"20261121T030000Z","started_at":"2026-11-21T03:00:00Z",
         "ended_at":"2026-11-21T03:01:00Z","proven":false,
         "stored_bytes":7,"drill":null,"timeline":3,"start_lsn":"0/5000028"}]})");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->newest, "20261121T030000Z");
  EXPECT_FALSE(view->newest_proven);
  EXPECT_EQ(view->newest_start.timeline, TimelineId(3));
  EXPECT_EQ(view->newest_start.lsn, Lsn(0x5000028));
  EXPECT_EQ(to_iso8601(*view->newest_start.at), "2026-11-21T03:00:00.000Z");
  ASSERT_EQ(view->points.size(), 2U);
  EXPECT_EQ(view->points.back().start.lsn, Lsn(0x5000028));
  EXPECT_FALSE(view->drilled_at);
  EXPECT_EQ(to_iso8601(*view->proven_at), "2026-11-20T04:00:00.000Z");
  EXPECT_EQ(view->restore_took, Millis(620));
  EXPECT_EQ(view->stored_bytes, 12U);
  EXPECT_FALSE(parse_backup_list("{}"));
  EXPECT_FALSE(parse_backup_list("backups"));
}

}  // namespace
}  // namespace pgkeel::app
