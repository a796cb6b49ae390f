// The receiver's protocol on every other major: slot, stream, end of a segment, start again.
#include "integration/archive/receive/receive_fixture.hpp"
#include "integration/pg/majors.hpp"
#include "pg/wal_name.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

class ReceiveOfMajor : public ReceiveFixture, public testing::WithParamInterface<int> {};

TEST_P(ReceiveOfMajor, GoesOnWhereItWas) {
  // Goal: what is received before and after a restart of the receiver equals the server's copies.
  // D7
  const auto bin_dir = bin_dir_of(GetParam());
  if (!bin_dir) GTEST_SKIP() << "not installed: run tools/other-majors";
  PostgresOptions options;
  options.bin_dir = *bin_dir;
  options.major = GetParam();
  start_server(options);
  receiver_.start();
  switch_wal();
  ASSERT_TRUE(receiver_.await_flushed(server_lsn())) << receiver_log();
  receiver_.kill9();
  server().query("create table more as select generate_series(1, 1000)");
  receiver_.start();
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.stop());
}

TEST_P(ReceiveOfMajor, LeavesALostSlotBehind) {
  // Goal: a slot that lost its WAL to max_slot_wal_keep_size is made again and the gap is named,
  // whichever way the server refuses it. D7 D15
  const auto bin_dir = bin_dir_of(GetParam());
  if (!bin_dir) GTEST_SKIP() << "not installed: run tools/other-majors";
  PostgresOptions options;
  options.bin_dir = *bin_dir;
  options.major = GetParam();
  start_server(options);
  server().query("alter system set max_slot_wal_keep_size = '16MB'");
  server().query("alter system set wal_keep_size = 0");
  server().query("select pg_reload_conf()");
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  ASSERT_TRUE(await_stored(switch_wal())) << receiver_log();
  EXPECT_TRUE(receiver_.stop());
  const auto end = receiver_.status()->flushed_lsn;
  const pg::WalSegment next{TimelineId(1), end.value / pg::kDefaultWalSegmentBytes};
  const auto file =
      server().data_dir() / "pg_wal" / pg::segment_name(next, pg::kDefaultWalSegmentBytes);
  ASSERT_TRUE(wait_until([&] {
    switch_wal();
    server().query("checkpoint");
    // 13 calls it lost by its distance alone.
    return server().query("select wal_status from pg_replication_slots") == "lost" &&
           !std::filesystem::exists(file);
  }));
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.gap.has_value(); })) << receiver_log();
  EXPECT_GT(receiver_.status()->gap->to, end);
  ASSERT_TRUE(await_stored(switch_wal())) << receiver_log();
  EXPECT_TRUE(receiver_.stop());
}

INSTANTIATE_TEST_SUITE_P(Postgres, ReceiveOfMajor, testing::Values(13, 14, 16, 17, 18), major_name);

}  // namespace
}  // namespace pgkeel::test
