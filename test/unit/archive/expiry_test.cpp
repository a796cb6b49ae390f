// Retention: what may go, what stays and why, over every way a store can stand.
#include "archive/retention/expiry.hpp"

#include <gmock/gmock.h>

#include "archive/catalog/layout.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kSegment = pg::kDefaultWalSegmentBytes;
constexpr WallTime kNow{Seconds(1'800'000'000)};
constexpr std::chrono::hours kDay{24};
constexpr RetentionPolicy kWeek{7 * kDay, 1};

enum class Drill { None, Held, Failed };

// Backups taken `days` ago, each of its day's segment, with all WAL from the first on.
struct Archive {
  test::MemoryStore store;
  std::vector<BackupStanding> backups;

  void add(int days, Drill drill) {
    BackupStanding one;
    one.backup.label = time_label(kNow - days * kDay);
    one.backup.timeline = TimelineId(1);
    one.backup.start_lsn = Lsn((100 - static_cast<std::uint64_t>(days)) * kSegment + 0x28);
    one.backup.stop_lsn = Lsn(one.backup.start_lsn.value + 0x100);
    one.backup.ended_at = kNow - days * kDay;
    one.backup.stored_bytes = 1000;
    if (drill != Drill::None) {
      Proof proof;
      proof.kind = Proof::Kind::Drill;
      proof.holds = drill == Drill::Held;
      one.standing.proofs.push_back(proof);
    }
    backups.push_back(std::move(one));
  }
  void wal(std::uint64_t first, std::uint64_t last) {
    for (auto number = first; number <= last; ++number)
      store.objects[wal_key({TimelineId(1), number}, kSegment, std::string(64, 'a')) + ".zst"] =
          "wal";
  }
  [[nodiscard]] Expiry plan(const RetentionPolicy& policy = kWeek) {
    return plan_expiry(backups, WalIndex::read(store, kSegment).value(), policy, kNow);
  }
  // The ages, in days, of the backups that would go.
  [[nodiscard]] std::vector<int> removed(const RetentionPolicy& policy = kWeek) {
    std::vector<int> ages;
    const auto expiry = plan(policy);
    for (std::size_t i = 0; i < backups.size(); ++i)
      if (expiry.backups[i].remove)
        ages.push_back(static_cast<int>((kNow - backups[i].backup.ended_at) / kDay));
    return ages;
  }
};

TEST(Expiry, KeepsEveryMomentOfTheWindow) {
  // Goal: the newest backup from before the window stays too, since the window's first moments
  // start from it (D11).
  Archive archive;
  for (const int days : {12, 10, 8, 6, 3, 0}) archive.add(days, Drill::Held);
  EXPECT_THAT(archive.removed(), ElementsAre(12, 10));
  archive.wal(80, 100);
  const auto expiry = archive.plan();
  ASSERT_EQ(expiry.wal.size(), 12U) << "segments 80 to 91, before the backup of day 8";
  EXPECT_THAT(expiry.wal.back().key, HasSubstr("5B-"));
  EXPECT_THAT(expiry.backups[2].reason, HasSubstr("needed for the last 7 days"));
}

TEST(Expiry, RemovesNothingThatNoProvenBackupOutlives) {
  // Goal: the last proven-restorable backup is never removed, whatever its age; without any proof
  // nothing is (D11 X4).
  Archive none;
  for (const int days : {30, 20, 0}) none.add(days, Drill::None);
  EXPECT_THAT(none.removed(), ElementsAre());
  Archive old;
  old.add(40, Drill::None);
  old.add(30, Drill::Held);
  old.add(20, Drill::Failed);
  old.add(0, Drill::None);
  old.wal(60, 100);
  EXPECT_THAT(old.removed(), ElementsAre(40));
  EXPECT_EQ(old.plan().wal.size(), 10U) << "60 to 69: what follows the only proven one stays";
}

TEST(Expiry, ABackupThatFailedItsDrillBeginsNoWindow) {
  // Goal: every moment of the window starts from a backup that is known to restore (D11 X4).
  Archive archive;
  archive.add(10, Drill::Held);
  archive.add(8, Drill::Failed);
  archive.add(1, Drill::Held);
  archive.wal(85, 100);
  EXPECT_THAT(archive.removed(), ElementsAre());
  EXPECT_EQ(archive.plan().wal.size(), 5U) << "85 to 89, before the backup of day 10";
}

TEST(Expiry, HonoursPinsAndTheCount) {
  // Goal: a pin keeps a backup and the WAL of it alone; the count keeps proven ones (D11).
  Archive archive;
  for (const int days : {30, 20, 15, 0}) archive.add(days, Drill::Held);
  archive.backups[0].standing.pinned = true;
  archive.wal(70, 100);
  EXPECT_THAT(archive.removed(), ElementsAre(20));
  const auto wal = archive.plan().wal;
  EXPECT_EQ(wal.size(), 14U) << "71 to 84: after the pinned one, before the window's first";
  EXPECT_THAT(archive.removed({7 * kDay, 3}), ElementsAre());
}

TEST(Expiry, LeavesWalAloneWhileThereIsNoBackup) {
  // Goal: WAL that waits for the first backup is not garbage (C3).
  Archive archive;
  archive.wal(1, 5);
  EXPECT_TRUE(archive.plan().wal.empty());
}

TEST(Expiry, RemovesTheRecordFirst) {
  // Goal: dying in the middle leaves no backup that looks whole, and nothing else is touched (D11).
  Archive archive;
  for (const int days : {30, 10, 0}) archive.add(days, Drill::Held);
  for (const auto& one : archive.backups) {
    archive.store.objects[backup_key(one.backup.label)] = "{}";
    archive.store.objects[shard_key(one.backup.label, "data", 0) + ".zst"] = "shard";
  }
  const auto gone = archive.backups.front().backup.label;
  bool stopped = false;
  archive.store.on_remove = [&](const std::string& key) {
    stopped = stopped || key != backup_key(gone);
    return !stopped;
  };
  EXPECT_FALSE(carry_out(archive.store, archive.plan(), {}));
  EXPECT_FALSE(archive.store.objects.contains(backup_key(gone)));
  EXPECT_TRUE(archive.store.objects.contains(shard_key(gone, "data", 0) + ".zst"));
  archive.store.on_remove = {};
  EXPECT_EQ(archive.store.objects.size(), 5U);
}

TEST(Expiry, ABranchThatWasLeftTakesNobodysPlace) {
  // Goal: after a restore to an earlier moment the old branch's backups, newer and proven, replace
  // nothing; what the live timeline starts from stays until that has proven backups of its own, old
  // enough for the window (C3 X8).
  Archive archive;
  for (const int days : {40, 30, 20, 10}) archive.add(days, Drill::Held);
  archive.wal(60, 100);
  EXPECT_THAT(archive.removed(), ElementsAre(40, 30, 20));
  archive.store.objects[history_key(TimelineId(2), std::string(64, 'a')) + ".zst"] = "history";
  EXPECT_TRUE(archive.removed().empty());
  archive.add(9, Drill::None);
  archive.backups.back().backup.timeline = TimelineId(2);
  EXPECT_TRUE(archive.removed().empty()) << "not proven";
  archive.backups.back().standing = archive.backups.front().standing;
  EXPECT_THAT(archive.removed(), ElementsAre(40, 30, 20, 10));
}

}  // namespace
}  // namespace pgkeel::archive
