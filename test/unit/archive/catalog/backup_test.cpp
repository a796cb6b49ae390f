// What the store says of itself: names and records go both ways, damage is an error.
#include <gmock/gmock.h>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

constexpr const char* kDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

Backup sample() {
  Backup backup;
  backup.label = "20261121T030000Z";
  backup.system_id = SystemId(7'000'000'000'000'000'001);
  backup.server_version_num = 150'020;
  backup.timeline = TimelineId(2);
  backup.start_lsn = Lsn(0x3000028);
  backup.stop_lsn = Lsn(0x4000000);
  backup.started_at = parse_iso8601("2026-11-21T03:00:00.000Z").value();
  backup.ended_at = parse_iso8601("2026-11-21T03:04:00.000Z").value();
  backup.tablespaces = {{Oid(16400), "/srv/fast"}};
  backup.unlogged = {"shop.public.carts"};
  backup.shards = {
      {"data", {shard_key(backup.label, "data", 0) + ".zst", 10, 5, kDigest, kDigest}}};
  backup.manifest = {manifest_key(backup.label) + ".zst", 10, 5, kDigest, kDigest};
  return backup;
}

TEST(Layout, NamesSortByTimeAndAreReadBack) {
  // Goal: a backup's label is its time; segments carry their digest in their name (X4).
  EXPECT_EQ(time_label(sample().started_at), "20261121T030000Z");
  EXPECT_TRUE(is_label("20261121T030000Z"));
  for (const char* bad : {"", "latest", "20261121T030000", "2026112AT030000Z", "../../../../etc/p"})
    EXPECT_FALSE(is_label(bad)) << bad;
  const auto key = wal_key({TimelineId(1), 3}, pg::kDefaultWalSegmentBytes, kDigest);
  EXPECT_EQ(key, std::string("wal/0000000100000000/000000010000000000000003-") + kDigest);
  for (const char* suffix : {"", ".zst", ".zst.sealed"}) {
    const auto name = parse_wal_key(key + suffix);
    ASSERT_TRUE(name) << suffix;
    EXPECT_EQ(name->name, "000000010000000000000003");
    EXPECT_EQ(name->sha256, kDigest);
  }
  EXPECT_FALSE(parse_wal_key(key + ".partial"));
  EXPECT_FALSE(parse_wal_key(key.substr(0, key.size() - 1)));
  EXPECT_FALSE(parse_wal_key("backups/" + key));
  EXPECT_EQ(parse_wal_key(history_key(TimelineId(2), kDigest))->name, "00000002.history");
}

TEST(BackupRecord, GoesBothWays) {
  // Goal: with the store alone everything about a backup is known again.
  const auto read = parse_backup(to_json(sample()));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(sample()));
  EXPECT_EQ(read->first_segment().number, 3U);
  EXPECT_EQ(read->last_segment().number, 3U) << "nothing of segment 4 is needed";
  EXPECT_EQ(read->tablespaces, sample().tablespaces);
}

TEST(BackupRecord, DamageIsAnErrorAndANewerFormatIsRefused) {
  // Goal: no half-read backup, whatever is missing or cut off.
  const auto good = to_json(sample());
  for (std::size_t size = 0; size + 2 < good.size(); size += 7)
    EXPECT_FALSE(parse_backup(good.substr(0, size)));
  for (const char* field : {"label", "system_identifier", "start_lsn", "shards", "manifest"}) {
    auto damaged = good;
    damaged.replace(damaged.find(std::string("\"") + field), 2, "\"_");
    EXPECT_EQ(parse_backup(damaged).error().code, ErrorCode::Malformed) << field;
  }
  auto newer = good;
  newer.replace(newer.find("\"format\": 1"), 11, "\"format\": 9");
  EXPECT_EQ(parse_backup(newer).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace pgkeel::archive
