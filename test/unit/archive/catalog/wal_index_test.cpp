// Markers and the index of WAL, over a store in memory.
#include "archive/catalog/wal_index.hpp"

#include <gmock/gmock.h>

#include "archive/catalog/layout.hpp"
#include "archive/catalog/marker.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;

constexpr auto kSegment = pg::kDefaultWalSegmentBytes;

std::string digest(char c) { return std::string(64, c); }

void put(test::MemoryStore& store, std::uint64_t number, char c = 'a', std::uint32_t timeline = 1) {
  store.objects[wal_key({TimelineId(timeline), number}, kSegment, digest(c)) + ".zst"] = "x";
}

TEST(WalIndex, TellsRangesAndGaps) {
  // Goal: a missing segment splits the range; other files are left alone (X4).
  test::MemoryStore store;
  for (const std::uint64_t number : {3U, 4U, 5U, 7U, 256U}) put(store, number);
  put(store, 8, 'b', 2);
  store.objects["wal/history/00000002.history-" + digest('c') + ".zst"] = "x";
  store.objects["wal/notes.txt"] = "x";
  const auto index = WalIndex::read(store, kSegment);
  ASSERT_TRUE(index);
  EXPECT_THAT(index->ranges(),
              ElementsAre(WalRange{TimelineId(1), 3, 5}, WalRange{TimelineId(1), 7, 7},
                          WalRange{TimelineId(1), 256, 256}, WalRange{TimelineId(2), 8, 8}));
  EXPECT_EQ(index->range_of({TimelineId(1), 4})->last, 5U);
  EXPECT_EQ(index->find({TimelineId(1), 6}), nullptr);
  EXPECT_NE(index->find_history(TimelineId(2)), nullptr);
  const auto found = find_wal(store, "000000010000000100000000", kSegment);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found);
  EXPECT_FALSE(*find_wal(store, "000000010000000000000006", kSegment));
}

TEST(WalIndex, FindsEveryBeginningOfASegment) {
  // Goal: where a timeline was left in the middle of a segment, what was received of it is found,
  // however often it was left there (D10).
  test::MemoryStore store;
  put(store, 3);
  const auto base = wal_prefix({TimelineId(1), 4}, kSegment) + "000000010000000000000004.partial-";
  store.objects[base + digest('a') + ".zst"] = "x";
  store.objects[base + digest('b') + ".zst"] = "x";
  const auto index = WalIndex::read(store, kSegment);
  ASSERT_TRUE(index);
  EXPECT_TRUE(index->has_beginning({TimelineId(1), 4}));
  EXPECT_FALSE(index->has_beginning({TimelineId(1), 3}));
  EXPECT_EQ(index->find({TimelineId(1), 4}), nullptr) << "no whole segment";
  EXPECT_EQ(find_wal_beginnings(store, {TimelineId(1), 4}, kSegment)->size(), 2U);
  EXPECT_TRUE(find_wal_beginnings(store, {TimelineId(1), 3}, kSegment)->empty());
}

TEST(WalIndex, TwoVersionsOfOneSegmentAreAnError) {
  // Goal: same name, different bytes is never passed over (X8).
  test::MemoryStore store;
  put(store, 3, 'a');
  put(store, 3, 'b');
  EXPECT_EQ(WalIndex::read(store, kSegment).error().code, ErrorCode::Malformed);
}

TEST(Marker, KeepsAnotherClusterOut) {
  // Goal: an archive is claimed once; another cluster and an unmarked heap are refused (X8).
  test::MemoryStore store;
  const Marker ours{SystemId(1), kSegment, parse_iso8601("2026-11-21T03:00:00Z").value()};
  ASSERT_TRUE(claim_archive(store, ours));
  ASSERT_TRUE(claim_archive(store, ours));
  Marker other = ours;
  other.system_id = SystemId(2);
  EXPECT_EQ(claim_archive(store, other).error().code, ErrorCode::WrongIdentity);
  store.objects.erase(kMarkerKey);
  put(store, 3);
  EXPECT_EQ(claim_archive(store, ours).error().code, ErrorCode::Refused);
  store.objects[kMarkerKey] = "{\"format\": 9}";
  EXPECT_EQ(read_marker(store).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace pgkeel::archive
