// receive.json, and what the store says about WAL.
#include "archive/receive/status.hpp"

#include <gtest/gtest.h>

#include "archive/catalog/layout.hpp"
#include "archive/receive/store_view.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

TEST(ReceiveStatus, ComesBackAsWritten) {
  // Goal: the guard reads what the receiver wrote, everything of it.
  ReceiveStatus status;
  status.pid = 77;
  status.state = ReceiveState::CatchingUp;
  status.durability = Durability::Sync;
  status.relays_in = "/run";
  status.system_id = SystemId(7'000'000'000'000'000'001);
  status.timeline = TimelineId(2);
  status.flushed_lsn = Lsn(0x1'0000'0028);
  status.lag_bytes = 12;
  status.lag = Millis(34);
  status.last_message_at = parse_iso8601("2026-11-21T10:00:00.5Z").value();
  status.last_error = problem_of(Error(ErrorCode::DiskFull, "full \xff"), *status.last_message_at);
  status.gap = WalGap{TimelineId(1), Lsn(5), TimelineId(2), Lsn(9), *status.last_message_at};
  const auto read = parse_receive_status(to_json(status));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(status));
  EXPECT_EQ(read->gap, status.gap);
  EXPECT_EQ(read->last_error->code, "disk_full");
}

TEST(ReceiveStatus, RefusesWhatIsNone) {
  // Goal: damaged files never look like a status; odd types read as empty.
  for (const auto* text : {"", "[]", "{}", "{\"state\":\"flying\"}"})
    EXPECT_FALSE(parse_receive_status(text)) << text;
  const auto odd = parse_receive_status(R"({"state":"streaming","pid":"x","gap":3,"lag_ms":-1})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->pid, 0);
  EXPECT_FALSE(odd->gap);
}

TEST(StoreView, FindsTheEndAndWhatIsThere) {
  // Goal: the newest whole segment counts, partial ones and histories do not; the same name with
  // other bytes is refused.
  test::MemoryStore store;
  constexpr auto kBytes = pg::kDefaultWalSegmentBytes;
  const std::string one(64, '1');
  const std::string two(64, '2');
  EXPECT_EQ(end_of_store(store, kBytes).value(), std::nullopt);
  const pg::WalSegment segment{TimelineId(1), 9};
  store.objects[wal_key(segment, kBytes, one) + ".zst"] = "x";
  store.objects[wal_prefix(segment, kBytes) + "00000001000000000000000A.partial-" + one + ".zst"];
  store.objects[history_key(TimelineId(2), one) + ".zst"] = "x";
  EXPECT_EQ(end_of_store(store, kBytes).value(), (StreamStart{TimelineId(1), Lsn(10 * kBytes)}));
  const auto prefix = wal_prefix(segment, kBytes);
  const auto name = pg::segment_name(segment, kBytes);
  EXPECT_EQ(look_up(store, prefix, name, one).value(), InStore::Same);
  EXPECT_EQ(look_up(store, prefix, name, two).error().code, ErrorCode::Refused);
  EXPECT_EQ(look_up(store, prefix, "00000001000000000000000B", two).value(), InStore::Absent);
}

}  // namespace
}  // namespace pgkeel::archive
