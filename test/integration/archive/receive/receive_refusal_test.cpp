// What the receiver refuses and what holds it up: strangers, names that are taken, full disks.
#include <sys/mount.h>
#include <fstream>

#include "archive/catalog/layout.hpp"
#include "archive/receive/spool_listing.hpp"
#include "integration/archive/receive/receive_fixture.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using archive::ReceiveState;

// The receiver may make a file in it meanwhile.
bool removed(const std::filesystem::path& directory) {
  return wait_until([&] {
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    return !std::filesystem::exists(directory);
  });
}

class ReceiveRefusal : public ReceiveFixture {
 protected:
  void SetUp() override { start_server(); }
  [[nodiscard]] bool await_error(std::string_view code) const {
    return receiver_.await([code](const auto& status) {
      return status.state == ReceiveState::Waiting && status.last_error &&
             status.last_error->code == code;
    });
  }
};

TEST_F(ReceiveRefusal, TakesNothingFromAStranger) {
  // Goal: another system identifier is named and none of its WAL is kept. D15
  receiver_.request().system_id = SystemId(42);
  receiver_.start();
  ASSERT_TRUE(await_error("wrong_identity")) << receiver_log();
  switch_wal();
  EXPECT_TRUE(archive::list_spool(receiver_.request().spool, 0)->empty());
  EXPECT_TRUE(stored().empty());
  EXPECT_TRUE(receiver_.stop());
}

TEST_F(ReceiveRefusal, ReplacesNoSegment) {
  // Goal: the same WAL twice is fine; a name that is taken by other bytes stops shipping loudly,
  // and both stay as they are. D15
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  const auto first = switch_wal();
  ASSERT_TRUE(await_stored(first));
  EXPECT_TRUE(receiver_.stop());
  std::filesystem::copy_file(copies_ / first, receiver_.request().spool / first);
  const auto next = server().query("select pg_walfile_name(pg_current_wal_lsn())");
  const pg::WalSegment segment = pg::parse_segment_name(next, pg::kDefaultWalSegmentBytes).value();
  const auto taken =
      temp_ / "store" /
      (archive::wal_key(segment, pg::kDefaultWalSegmentBytes, std::string(64, 'a')) + ".zst");
  std::ofstream(taken) << "other bytes";
  receiver_.start();
  switch_wal();
  ASSERT_TRUE(receiver_.await([](const auto& status) {
    return status.ship_error && status.ship_error->code == "refused";
  })) << receiver_log();
  EXPECT_FALSE(std::filesystem::exists(receiver_.request().spool / first));
  EXPECT_TRUE(std::filesystem::exists(receiver_.request().spool / next));
  EXPECT_EQ(std::filesystem::file_size(taken), 11U);
}

TEST_F(ReceiveRefusal, AllowsOneReceiver) {
  // Goal: a second receiver on the same spool ends at once and disturbs nothing. D15
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.state == ReceiveState::Streaming; }));
  auto request = receiver_.request();
  request.state_dir = temp_ / "second";
  const auto second = archive::receive(request);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
}

TEST_F(ReceiveRefusal, RefusesAServerThatWentBack) {
  // Goal: a server restored from an earlier copy, on the same timeline, is archived neither while
  // it is behind nor after it has overtaken. D15
  server().stop();
  PostgresOptions copy;
  copy.copy_of = server().data_dir();
  copy.start = FirstStart::No;
  PostgresServer old(copy);
  server().start();
  receiver_.start();
  switch_wal();
  server().query("create table more as select generate_series(1, 10000)");
  ASSERT_TRUE(receiver_.await_flushed(server_lsn()));
  EXPECT_TRUE(receiver_.stop());
  server().stop();
  const auto before = stored().size();
  old.start();
  receive_from(old);
  receiver_.start();
  ASSERT_TRUE(await_error("wrong_identity")) << receiver_log();
  old.query("create table other as select generate_series(1, 10000)");
  old.query("select pg_switch_wal()");
  old.query("create table another as select generate_series(1, 400000)");
  receiver_.kill9();
  receiver_.start();
  ASSERT_TRUE(await_error("wrong_identity")) << receiver_log();
  EXPECT_EQ(stored().size(), before);
}

TEST_F(ReceiveRefusal, LeavesAnotherMachinesArchiveAlone) {
  // Goal: a second state directory may not write the store: nothing is shipped, receiving stops,
  // and the reason is named. D15
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  ASSERT_TRUE(await_stored(switch_wal()));
  EXPECT_TRUE(receiver_.stop());
  const auto before = stored().size();
  receiver_.request().state_dir = temp_ / "other";
  std::filesystem::create_directory(temp_ / "other");
  receiver_.start();
  switch_wal();
  ASSERT_TRUE(await_error("refused"));
  EXPECT_TRUE(receiver_.status()->ship_error.has_value());
  EXPECT_EQ(stored().size(), before);
}

TEST_F(ReceiveRefusal, EndsWhenItsSpoolIsRemoved) {
  // Goal: nothing is reported flushed into files that have no name any more: it says so and ends by
  // itself, makes nothing again, and the next one goes on without a gap. D15
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  ASSERT_TRUE(await_stored(switch_wal())) << receiver_log();
  const auto spool = receiver_.request().spool;
  ASSERT_TRUE(removed(spool));
  server().query("create table lost as select generate_series(1, 1000)");
  ASSERT_TRUE(receiver_.await_failure()) << receiver_log();
  EXPECT_FALSE(std::filesystem::exists(spool));
  EXPECT_NE(receiver_log().find("the receiver ends"), std::string::npos) << receiver_log();
  EXPECT_EQ(receiver_.status()->state, ReceiveState::Streaming);
  receiver_.start();
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.stop());
}

TEST_F(ReceiveRefusal, EndsWhenItsStateIsRemoved) {
  // Goal: a receiver that nobody owns any more ends by itself, though the server sends nothing, and
  // leaves the place empty. D15
  const auto state = temp_ / "state";
  std::filesystem::create_directory(state);
  receiver_.request().state_dir = state;
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.state == ReceiveState::Streaming; }));
  ASSERT_TRUE(removed(state));
  ASSERT_TRUE(receiver_.await_failure());
  EXPECT_FALSE(std::filesystem::exists(state));
}

TEST_F(ReceiveRefusal, WaitsForASpoolThatIsElsewhere) {
  // Goal: a spool whose path leads to another directory, as without its mount, is named and nothing
  // is written there; when it is back receiving goes on by itself. D15
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  ASSERT_TRUE(await_stored(switch_wal()));
  const auto spool = receiver_.request().spool;
  const auto away = temp_ / "away";
  std::filesystem::rename(spool, away);
  std::filesystem::create_directory(spool);
  ASSERT_TRUE(await_error("wrong_state")) << receiver_log();
  server().query("create table meanwhile as select generate_series(1, 1000)");
  EXPECT_TRUE(std::filesystem::is_empty(spool));
  std::filesystem::remove(spool);
  std::filesystem::rename(away, spool);
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.stop());
}

TEST_F(ReceiveRefusal, WaitsForAFullDisk) {
  // Goal: a full spool stops receiving, is named, and is left by itself when there is room. D10
  const auto spool = temp_ / "full";
  std::filesystem::create_directory(spool);
  if (::mount("tmpfs", spool.c_str(), "tmpfs", 0, "size=40m") != 0)
    GTEST_SKIP() << "may not mount a tmpfs";
  receiver_.request().spool = spool;
  receiver_.start();
  ASSERT_TRUE(receiver_.await_flushed(server_lsn()));
  EXPECT_TRUE(receiver_.stop());
  const auto store = receiver_.request().store.where;
  std::filesystem::rename(store, store + ".away");
  std::ofstream(store) << "in the way";
  receiver_.start();
  for (int i = 0; i < 3; ++i) switch_wal();
  ASSERT_TRUE(await_error("disk_full")) << receiver_log();
  EXPECT_TRUE(receiver_.alive());
  std::filesystem::remove(store);
  std::filesystem::rename(store + ".away", store);
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.stop());
  ::umount2(spool.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace pgkeel::test
