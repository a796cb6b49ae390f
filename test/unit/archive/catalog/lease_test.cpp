// One writer: copies of a machine, rollbacks and other machines are told apart.
#include "archive/catalog/lease.hpp"

#include <gmock/gmock.h>

#include "support/memory_store.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

using testing::HasSubstr;

constexpr ServerPosition kServer{TimelineId(1), Lsn(0x5000000)};

Lease ours() { return {"machine", "state", 7, TimelineId(1), Lsn(0x5000000), WallTime{}}; }

TEST(Lease, IsRenewedByItsHolder) {
  // Goal: the machine that wrote last goes on; an empty store takes anybody (X8).
  EXPECT_FALSE(objection(std::nullopt, std::nullopt, ours(), kServer));
  EXPECT_FALSE(objection(ours(), ours(), ours(), kServer));
  const auto read = parse_lease(to_json(ours()));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(ours()));
}

TEST(Lease, RefusesCopiesAndRollbacks) {
  // Goal: each way of being the wrong writer is refused with its own words (X8).
  Lease other = ours();
  other.writer_id = "another";
  EXPECT_THAT(objection(other, {}, ours(), kServer)->detail, HasSubstr("another state directory"));
  other = ours();
  other.machine_id = "clone";
  EXPECT_THAT(objection(other, {}, ours(), kServer)->detail, HasSubstr("copy of the machine"));
  other = ours();
  other.epoch = 8;
  EXPECT_THAT(objection(other, ours(), ours(), kServer)->detail, HasSubstr("meanwhile"));
  const auto behind = objection(ours(), ours(), ours(), {TimelineId(1), Lsn(0x4000000)});
  EXPECT_THAT(behind->detail, HasSubstr("rolled back"));
  EXPECT_THAT(std::string(behind->hint()), HasSubstr("take-over"));
  other = ours();
  other.timeline = TimelineId(2);
  EXPECT_TRUE(objection(other, ours(), ours(), {TimelineId(1), Lsn(0x9000000)}));
  EXPECT_FALSE(objection(ours(), ours(), ours(), {TimelineId(2), Lsn(0x4000000)}))
      << "a promoted server may be behind on its new timeline";
}

TEST(Lease, ASecondStateDirectoryIsKeptOutUntilItTakesOver) {
  // Goal: a cloned store with another state directory archives nothing; a person can decide (X8).
  test::MemoryStore store;
  const test::TempDir first;
  const test::TempDir second;
  auto writer = Writer::open(first.path());
  ASSERT_TRUE(writer) << writer.error().message();
  ASSERT_TRUE(writer->renew(store, kServer));
  ASSERT_TRUE(writer->renew(store, kServer));
  auto clone = Writer::open(second.path());
  ASSERT_TRUE(clone);
  const auto before = store.objects;
  EXPECT_EQ(clone->renew(store, kServer).error().code, ErrorCode::Refused);
  EXPECT_EQ(store.objects, before);
  ASSERT_TRUE(clone->take_over(store, kServer));
  EXPECT_EQ(writer->renew(store, kServer).error().code, ErrorCode::Refused);
  EXPECT_TRUE(clone->renew(store, kServer));
}

TEST(Lease, AnOldPositionIsNoRollback) {
  // Goal: a receiver that renews between a dump's look and its own renewal does not make the dump
  // fail; a server that is behind at a second look was rolled back (X8).
  test::MemoryStore store;
  const test::TempDir state;
  auto writer = Writer::open(state.path());
  ASSERT_TRUE(writer);
  const auto renewed = writer->renew(store, [&]() -> Result<ServerPosition> {
    const auto now =
        store.objects.empty() ? kServer : ServerPosition{TimelineId(1), Lsn(0x6000000)};
    if (store.objects.empty())
      TRY_VOID(writer->renew(store, ServerPosition{TimelineId(1), Lsn(0x6000000)}));
    return now;
  });
  EXPECT_TRUE(renewed) << renewed.error().message();
  const auto behind = writer->renew(store, [] { return Result<ServerPosition>(kServer); });
  ASSERT_FALSE(behind);
  EXPECT_THAT(behind.error().detail, HasSubstr("rolled back"));
}

}  // namespace
}  // namespace pgkeel::archive
