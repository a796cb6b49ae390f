// Which dumps may go.
#include "archive/dump/retention.hpp"

#include <gmock/gmock.h>

#include "archive/catalog/layout.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;

constexpr WallTime kNow{Seconds(1'800'000'000)};
constexpr std::chrono::hours kDay{24};

enum class Kind { Good, Proven, Failed, Incomplete };

struct Dumps {
  std::vector<DumpStanding> list;
  void add(int days, Kind kind) {
    DumpStanding one;
    one.dump.label = time_label(kNow - days * kDay);
    one.dump.ended_at = kNow - days * kDay;
    one.dump.globals.key = globals_key(one.dump.label) + ".zst";
    DumpedDatabase database;
    database.name = "shop";
    database.object.key = dump_key(one.dump.label, 0) + ".zst";
    if (kind == Kind::Failed) database.failure = "it shrank";
    one.dump.databases.push_back(std::move(database));
    if (kind == Kind::Incomplete) {
      DumpedDatabase locked;
      locked.name = "locked";
      locked.failure = "permission denied";
      one.dump.databases.push_back(std::move(locked));
    }
    if (kind == Kind::Proven) {
      Proof proof;
      proof.kind = Proof::Kind::Drill;
      proof.holds = true;
      one.standing.proofs.push_back(proof);
    }
    list.push_back(std::move(one));
  }
  [[nodiscard]] std::vector<int> removed(const DumpRetention& retention) const {
    const auto plan = plan_dump_expiry(list, retention, kNow);
    std::vector<int> ages;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (plan.dumps[i].remove)
        ages.push_back(static_cast<int>((kNow - list[i].dump.ended_at) / kDay));
    return ages;
  }
};

TEST(DumpExpiry, KeepsTheAgeAndTheCount) {
  // Goal: seven days, and three good ones whatever their age; `--down-to` is an age of nothing
  // (D11 A10).
  Dumps dumps;
  for (const int days : {20, 15, 10, 9, 3, 0}) dumps.add(days, Kind::Proven);
  EXPECT_THAT(dumps.removed({7 * kDay, 1}), ElementsAre(20, 15, 10, 9));
  EXPECT_THAT(dumps.removed({7 * kDay, 3}), ElementsAre(20, 15, 10));
  EXPECT_THAT(dumps.removed({Millis(0), 3}), ElementsAre(20, 15, 10));
  EXPECT_THAT(dumps.removed({Millis(0), 1}), ElementsAre(20, 15, 10, 9, 3));
}

TEST(DumpExpiry, NeverTheLastGoodOneNorTheLastProven) {
  // Goal: failed runs count for nothing and age away; nothing good goes without a newer proof
  // (D11 C3).
  Dumps failing;
  failing.add(40, Kind::Good);
  for (const int days : {30, 20, 10, 0}) failing.add(days, Kind::Failed);
  EXPECT_THAT(failing.removed({7 * kDay, 1}), ElementsAre(30, 20, 10));
  Dumps unproven;
  unproven.add(40, Kind::Proven);
  for (const int days : {30, 20, 10}) unproven.add(days, Kind::Good);
  EXPECT_THAT(unproven.removed({7 * kDay, 1}), ElementsAre());
  EXPECT_EQ(plan_dump_expiry(unproven.list, {7 * kDay, 1}, kNow).dumps.front().reason,
            "no newer one is proven");
  Dumps behind;
  behind.add(40, Kind::Proven);
  behind.add(30, Kind::Proven);
  behind.add(20, Kind::Good);
  EXPECT_THAT(behind.removed({7 * kDay, 1}), ElementsAre(40));
}

TEST(DumpExpiry, KeepsTheNewestCopyOfADatabaseThatANeighbourSpoils) {
  // Goal: while one database fails every run, the others' newest copy stays whatever its age, and
  // no more than a few of such runs; behind a good one they age away (D11 C3).
  Dumps dumps;
  for (const int days : {40, 30, 20, 10}) dumps.add(days, Kind::Incomplete);
  EXPECT_THAT(dumps.removed({7 * kDay, 1}), ElementsAre(40, 30, 20));
  Dumps often;
  for (const int days : {5, 4, 3, 2, 1}) often.add(days, Kind::Incomplete);
  EXPECT_THAT(often.removed({7 * kDay, 1}), ElementsAre(5, 4));
  dumps.add(9, Kind::Good);
  EXPECT_THAT(dumps.removed({7 * kDay, 1}), ElementsAre(40, 30, 20, 10));
}

TEST(DumpExpiry, RemovesTheRecordFirstAndCollectsTheUnfinished) {
  // Goal: dying in the middle leaves no dump that looks whole; what never got a record goes too,
  // once nobody works on it (D11).
  test::MemoryStore store;
  Dumps dumps;
  for (const int days : {30, 0}) dumps.add(days, Kind::Proven);
  const auto gone = dumps.list.front().dump.label;
  for (const auto& one : dumps.list) {
    store.objects[dump_record_key(one.dump.label)] = "{}";
    store.objects[dump_key(one.dump.label, 0) + ".zst"] = "dump";
  }
  const auto half = time_label(kNow - 3 * kDay);
  store.objects[dump_key(half, 0) + ".zst"] = "half";
  auto plan = plan_dump_expiry(dumps.list, {7 * kDay, 1}, kNow);
  plan.incomplete = incomplete_dumps(store, Millis(0), wall_now()).value();
  EXPECT_THAT(plan.incomplete, ElementsAre(half));
  bool stopped = false;
  store.on_remove = [&](const std::string& key) {
    stopped = stopped || key != dump_record_key(gone);
    return !stopped;
  };
  EXPECT_FALSE(carry_out(store, plan, {}));
  EXPECT_FALSE(store.objects.contains(dump_record_key(gone)));
  EXPECT_TRUE(store.objects.contains(dump_key(gone, 0) + ".zst"));
  store.on_remove = {};
  EXPECT_TRUE(carry_out(store, plan, {}));
  EXPECT_EQ(store.objects.size(), 2U);
}

}  // namespace
}  // namespace pgkeel::archive
