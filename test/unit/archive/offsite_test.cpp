// The second store: complete, in the right order, and never another cluster's.
#include "archive/offsite/copy.hpp"

#include <gmock/gmock.h>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/codec/crypto.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

constexpr const char* kLabel = "20261121T030000Z";

Marker marker(std::uint64_t system_id) {
  return {SystemId(system_id), pg::kDefaultWalSegmentBytes,
          parse_iso8601("2026-11-21T03:00:00Z").value()};
}

// An archive of one backup with one shard, and a segment of WAL.
void fill(test::MemoryStore& store) {
  ASSERT_TRUE(claim_archive(store, marker(7)));
  const auto shard = shard_key(kLabel, "data", 0) + ".zst";
  Backup backup;
  backup.label = kLabel;
  backup.system_id = SystemId(7);
  backup.timeline = TimelineId(1);
  backup.start_lsn = Lsn(0x28);
  backup.stop_lsn = Lsn(0x100);
  backup.shards = {{"data", {shard, 5, 5, sha256_hex(std::string_view("shard")), ""}}};
  backup.manifest = {manifest_key(kLabel) + ".zst", 1, 1, sha256_hex(std::string_view("m")), ""};
  store.objects[shard] = "shard";
  store.objects[backup.manifest.key] = "m";
  store.objects[backup_key(kLabel)] = to_json(backup);
  store.objects[kLatestKey] = std::string(kLabel) + "\n";
  store.objects[kLeaseKey] = "{}";
  store.objects["wal/0000000100000000/x"] = "wal";
}

TEST(Offsite, HoldsEverythingButTheLease) {
  // Goal: the copy restores by itself; copying again changes nothing (C3 D11).
  test::MemoryStore from;
  test::MemoryStore to;
  fill(from);
  const auto copied = copy_store({&from, &to});
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_GT(copied->objects, 0U);
  auto expected = from.objects;
  expected.erase(kLeaseKey);
  EXPECT_EQ(to.objects, expected);
  EXPECT_EQ(copy_store({&from, &to})->objects, 0U);
}

TEST(Offsite, AHalfCopiedBackupIsNone) {
  // Goal: wherever the copy stops, the second store lists only whole backups (D11).
  test::MemoryStore from;
  fill(from);
  for (const std::uint64_t bytes : {0U, 200U, 204U, 260U}) {
    test::MemoryStore to;
    to.fail_after = bytes;
    const auto copied = copy_store({&from, &to});
    const auto backups = list_backups(to);
    ASSERT_TRUE(backups);
    for (const auto& backup : *backups)
      EXPECT_TRUE(to.objects.contains(backup.shards.front().object.key)) << bytes;
    EXPECT_TRUE(copied || backups->empty()) << bytes;
  }
}

TEST(Offsite, RefusesDamageAndStrangers) {
  // Goal: a damaged shard does not spread, other bytes are not replaced, another cluster's store is
  // not written (X8 X4).
  test::MemoryStore from;
  fill(from);
  test::MemoryStore to;
  from.objects[shard_key(kLabel, "data", 0) + ".zst"] = "shArd";
  EXPECT_EQ(copy_store({&from, &to}).error().code, ErrorCode::Malformed);
  EXPECT_FALSE(to.objects.contains(backup_key(kLabel)));
  fill(from);
  to.objects["wal/0000000100000000/x"] = "other";
  EXPECT_EQ(copy_store({&from, &to}).error().code, ErrorCode::Refused);
  test::MemoryStore foreign;
  ASSERT_TRUE(claim_archive(foreign, marker(8)));
  const auto before = foreign.objects;
  EXPECT_EQ(copy_store({&from, &foreign}).error().code, ErrorCode::WrongIdentity);
  EXPECT_EQ(foreign.objects, before);
}

}  // namespace
}  // namespace pgkeel::archive
