// The rules about what a running server's log told: full disks, a small /dev/shm, damaged files and
// indexes; named by evidence, never by a low figure alone.
#include <gmock/gmock.h>

#include "diagnose/trouble.hpp"
#include "sense/damaged.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using pg::Signature;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMega = 1U << 20U;

sense::Space space(sense::SpaceRole role, std::uint64_t free_bytes) {
  sense::Space space;
  space.role = role;
  space.path = role == sense::SpaceRole::Wal ? "/wal" : "/var/lib/postgresql/15/main";
  space.room = {1000 * kMega, free_bytes, 1000, 900};
  return space;
}

void told(Instance& instance, Signature signature, std::string text, Seconds ago,
          std::string database = "shop") {
  sense::LogEvent event;
  event.signature = signature;
  event.text = std::move(text);
  event.database = std::move(database);
  instance.seen.log_watch.seen = true;
  instance.seen.log_watch.trouble.push_back({kNow - ago, std::move(event)});
}

void with_spaces(Instance& instance, std::vector<sense::Space> spaces) {
  instance.seen.host.seen = true;
  instance.seen.host.at = kNow;
  instance.seen.host.spaces = std::move(spaces);
}

constexpr const char* kNoSpace = "could not extend file \"base/5/1\": No space left on device";

TEST(DiskFull, IsNamedByTheFailureAndTheFigure) {
  // Goal: K6: the log says so and the disk is full: sure, with the place and the figure.
  auto instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(3));
  with_spaces(instance, {space(sense::SpaceRole::Data, 2 * kMega)});
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::DiskFull));
  const auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, "disk.data");
  EXPECT_GT(finding.confidence, 0.9);
  EXPECT_THAT(finding.summary, HasSubstr("2.0 MB"));
  EXPECT_THAT(finding.hint, HasSubstr("never VACUUM FULL"));
}

TEST(DiskFull, ALowFigureAloneIsNoIncident) {
  // Goal: D15: nothing has failed yet; that is doctor's to say.
  auto instance = healthy();
  with_spaces(instance, {space(sense::SpaceRole::Data, 2 * kMega)});
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(DiskFull, IsDoubtedWhereNoDiskCanBeSeen) {
  // Goal: K6: which disk is not known: named with little confidence, and over soon.
  auto instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(3));
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::DiskFull));
  EXPECT_LT(instance.findings().front().confidence, 0.7);
  instance.now = kNow + Seconds(120);
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(DiskFull, IsOverWhenThereIsRoom) {
  // Goal: K6: something took the room and gave it back: nobody has to come for it.
  auto instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(1));
  with_spaces(instance, {space(sense::SpaceRole::Data, 900 * kMega)});
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(DiskFull, IsHeldWhileTheDiskStaysFull) {
  // Goal: K6: one incident, not one for each failed statement.
  auto instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(600));
  with_spaces(instance, {space(sense::SpaceRole::Data, 0)});
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::DiskFull));
  instance.seen.host.spaces.front().room.bytes_free = 900 * kMega;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(DiskFull, InodesAreRoomToo) {
  // Goal: K6: bytes are free, inodes are not.
  auto instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(3));
  auto full = space(sense::SpaceRole::Data, 900 * kMega);
  full.room.inodes_free = 0;
  with_spaces(instance, {full});
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("no inode left"));
}

TEST(DiskFull, AWriteThatIsRefusedConcernsTheInstance) {
  // Goal: K6: the guard's own write met it: the service is not there.
  auto instance = healthy();
  instance.seen.write.result = sense::ProbeResult::Rejected;
  instance.seen.write.sqlstate = "53100";
  instance.seen.write.note = "could not write to file: No space left on device";
  ASSERT_THAT(instance.causes(), testing::Contains(Cause::DiskFull));
  EXPECT_EQ(instance.findings().front().subject, kInstanceSubject);
}

TEST(DiskFull, AFullTablespaceEndsNoServer) {
  // Goal: K6: an archive tablespace is full for weeks; a server that is killed is a killed server.
  auto instance = killed();
  instance.seen.server_log.entries = {{Signature::DiskFull, kNoSpace}};
  with_spaces(instance,
              {space(sense::SpaceRole::Data, 900 * kMega), space(sense::SpaceRole::Tablespace, 0)});
  EXPECT_EQ(instance.causes().front(), Cause::ServerKilled);
}

TEST(DiskFull, AFileSystemWithoutBlocksSaysNothing) {
  // Goal: K6 K7: zero of zero bytes is no full disk.
  auto instance = killed();
  auto blank = space(sense::SpaceRole::Data, 0);
  blank.room = {};
  with_spaces(instance, {blank});
  EXPECT_EQ(instance.causes().front(), Cause::ServerKilled);
}

TEST(WalDiskFull, StopsTheStartsUntilThereIsRoom) {
  // Goal: K7: with no room every start ends the same way; with room it is a killed server again.
  auto instance = killed();
  instance.seen.server_log.entries = {
      {Signature::WalDiskFull,
       "could not write to file \"pg_wal/xlogtemp.9\": No space left on device"}};
  with_spaces(instance, {space(sense::SpaceRole::Data, 900 * kMega),
                         space(sense::SpaceRole::Wal, 4 * kMega)});
  EXPECT_EQ(instance.causes().front(), Cause::WalDiskFull);
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("/wal"));
  instance.seen.host.spaces.back().room.bytes_free = 64 * kMega;
  EXPECT_EQ(instance.causes().front(), Cause::ServerKilled);
}

TEST(WalDiskFull, ExplainsAFullDiskOfTheDataToo) {
  // Goal: K6 K7: one disk that holds both is one thing, before and after the server's death; a
  // tablespace on another disk is another.
  auto instance = killed();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(3));
  instance.seen.server_log.entries = {{Signature::DiskFull, kNoSpace},
                                      {Signature::WalDiskFull, "pg_wal: no space"}};
  with_spaces(instance, {space(sense::SpaceRole::Data, 2 * kMega)});
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::WalDiskFull, Cause::ServerKilled));
  instance.seen.host.spaces.front().room.bytes_free = 900 * kMega;
  instance.seen.host.spaces.push_back(space(sense::SpaceRole::Wal, 2 * kMega));
  instance.seen.host.spaces.push_back(space(sense::SpaceRole::Tablespace, 2 * kMega));
  EXPECT_THAT(instance.causes(), testing::IsSupersetOf({Cause::WalDiskFull}));
  instance = healthy();
  told(instance, Signature::DiskFull, kNoSpace, Seconds(3));
  told(instance, Signature::WalDiskFull, "pg_wal: no space", Seconds(3));
  with_spaces(instance, {space(sense::SpaceRole::Data, 2 * kMega)});
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::WalDiskFull));
}

TEST(WalDiskFull, ADiskWithNothingLeftSaysItWithoutTheLog) {
  // Goal: K7: the log is on the full disk and could not say why; little room alone is no reason to
  // hold a start back.
  auto instance = killed();
  with_spaces(instance, {space(sense::SpaceRole::Data, 8 * kMega)});
  EXPECT_EQ(instance.causes().front(), Cause::ServerKilled);
  instance.seen.host.spaces.front().room.bytes_free = 4096;
  ASSERT_EQ(instance.causes().front(), Cause::WalDiskFull);
  EXPECT_LT(instance.findings().front().confidence, 0.8);
}

TEST(WalDiskFull, AStartThatFailsWithoutAWordSaysItToo) {
  // Goal: K7: a segment is written whole and removed when that fails, so a little is left; a start
  // that told why failed for that, and so did one with room.
  auto instance = killed();
  with_spaces(instance, {space(sense::SpaceRole::Data, 2 * kMega)});
  instance.seen.start.failed = true;
  EXPECT_EQ(instance.causes().front(), Cause::WalDiskFull);
  instance.seen.server_log.entries = {{Signature::FsyncFailed, "could not fsync file"}};
  EXPECT_EQ(instance.causes().front(), Cause::ServerStartFailed);
  instance.seen.server_log.entries = {};
  instance.seen.host.spaces.front().room.bytes_free = 64 * kMega;
  EXPECT_EQ(instance.causes().front(), Cause::ServerStartFailed);
}

TEST(WalDiskFull, IsNotGuessed) {
  // Goal: K7: without a look at the disk nothing is held back.
  auto instance = killed();
  instance.seen.server_log.entries = {{Signature::WalDiskFull, "pg_wal: no space"}};
  EXPECT_EQ(instance.causes().front(), Cause::ServerKilled);
}

TEST(SharedMemoryFull, NamesTheComposeLine) {
  // Goal: D8: the disks have room; a container is told shm_size.
  auto instance = healthy();
  told(instance, Signature::SharedMemoryFull, "could not resize shared memory segment", Seconds(1));
  auto shm = space(sense::SpaceRole::SharedMemory, 0);
  shm.room.bytes_total = 64 * kMega;
  with_spaces(instance, {space(sense::SpaceRole::Data, 900 * kMega), shm});
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::SharedMemoryFull));
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("64.0 MB"));
}

TEST(HeapCorrupted, OneFindingAFile) {
  // Goal: K14 K15 K17 K24: what is damaged is named, however often it was met.
  auto instance = healthy();
  told(instance, Signature::PageCorrupt, "page verification failed, calculated checksum 1", {});
  told(instance, Signature::PageCorrupt, "invalid page in block 1 of relation base/5/27253", {});
  told(instance, Signature::PageCorrupt, "invalid page in block 7 of relation base/5/27253", {});
  told(instance, Signature::ToastMissing,
       "missing chunk number 0 for toast value 27287 in pg_toast_27282", {});
  const auto findings = instance.findings();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].subject, "base/5/27253");
  EXPECT_THAT(findings[0].hint,
              HasSubstr("psql --dbname=shop -c \"select pg_filenode_relation(0, 27253)"));
  EXPECT_EQ(findings[1].subject, "pg_toast_27282");
  instance.now = kNow + Seconds(25 * 3600);
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(HeapCorrupted, ALostTransactionStatusIsDamageToo) {
  // Goal: K17: the message names a file of pg_xact.
  auto instance = healthy();
  told(instance, Signature::TransactionStatusMissing,
       "could not access status of transaction 740 (Could not open file \"pg_xact/0000\": No such "
       "file or directory.)",
       {});
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::HeapCorrupted));
  EXPECT_EQ(instance.findings().front().subject, "pg_xact/0000");
}

TEST(HeapCorrupted, TheFilesOfADatabaseAreGone) {
  // Goal: K21: named while pg_database still has it; one that was dropped since is no finding.
  auto instance = healthy();
  told(instance, Signature::DatabaseFilesMissing,
       "database \"shop\" does not exist (The database subdirectory \"base/16384\" is missing.)",
       Seconds(3), "");
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::HeapCorrupted));
  const auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, "base/16384");
  EXPECT_THAT(finding.summary, HasSubstr("files of database shop are gone"));
  EXPECT_THAT(finding.hint, HasSubstr("pgkeel undrop shop --as shop_restored"));
  EXPECT_EQ(finding.evidence.size(), 2U);
  std::erase_if(instance.seen.catalog.databases,
                [](const auto& database) { return database.name == "shop"; });
  EXPECT_FALSE(has(instance, Cause::HeapCorrupted));
}

TEST(ConnectionLimit, NamesWhoseLimitItIsAndWhoIsThere) {
  // Goal: K27 K51: of a role, a database, the standbys; each its own subject, no harm to the rest;
  // over when nobody was refused for a while.
  auto instance = healthy();
  told(instance, Signature::ConnectionLimit, "too many connections for role \"app\"", Seconds(9));
  told(instance, Signature::ConnectionLimit, "too many connections for role \"app\"", Seconds(3));
  told(instance, Signature::ConnectionLimit, "too many connections for database \"shop\"",
       Seconds(3));
  told(instance, Signature::TooManyWalSenders,
       "number of requested standby connections exceeds max_wal_senders (currently 2)", Seconds(3));
  told(instance, Signature::ConnectionLimit, "zu viele Verbindungen", Seconds(3));
  instance.seen.activity.seen = true;
  instance.seen.activity.at = kNow;
  instance.seen.activity.groups = {{"app", "bot", "shop", "idle", 7, Seconds(3)},
                                   {"app", "web", "crm", "active", 2, Seconds(3)}};
  std::vector<std::string> subjects;
  for (const auto& finding : instance.findings()) {
    EXPECT_EQ(finding.cause, Cause::ConnectionStorm);
    EXPECT_EQ(finding.severity, incident::Severity::Warning);
    EXPECT_TRUE(finding.wait);
    subjects.push_back(finding.subject);
  }
  EXPECT_THAT(subjects, ElementsAre("connections.database.shop", "connections.limit",
                                    "connections.role.app", "connections.wal_senders"));
  const auto of_role = instance.findings()[2];
  EXPECT_THAT(of_role.evidence.back().text, HasSubstr("role app has 9 sessions"));
  EXPECT_THAT(of_role.hint, HasSubstr("alter role \"app\" connection limit"));
  EXPECT_THAT(instance.findings()[0].evidence.back().text, HasSubstr("has 7 sessions"));
  instance.now = kNow + Seconds(600);
  EXPECT_FALSE(has(instance, Cause::ConnectionStorm));
}

TEST(IndexCorrupted, NamesTheIndexAndTheCheckBefore) {
  // Goal: K16: REINDEX only after the table was found sound.
  auto instance = healthy();
  told(instance, Signature::IndexCorrupt,
       "index \"orders_pkey\" contains unexpected zero page at block 1", {});
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::IndexCorrupted));
  EXPECT_EQ(instance.findings().front().subject, "index shop: orders_pkey");
  EXPECT_THAT(instance.findings().front().hint, HasSubstr("--heapallindexed"));
}

TEST(Trouble, AHostileMessageNamesNothing) {
  // Goal: what stands in quotes may be anything; a path ends where paths end.
  EXPECT_EQ(sense::named_file("block of relation base/5/1; drop table x"), "base/5/1");
  EXPECT_EQ(sense::named_file("base"), "");
  EXPECT_EQ(sense::quoted_name("index \"unfinished"), "");
  EXPECT_EQ(sense::quoted_name(""), "");
}

}  // namespace
}  // namespace pgkeel::diagnose
