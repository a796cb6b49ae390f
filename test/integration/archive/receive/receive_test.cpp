// The receiver against a real server: everything arrives, once, whatever is killed.
#include <chrono>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "archive/receive/spool_listing.hpp"
#include "archive/receive/start_point.hpp"
#include "integration/archive/receive/receive_fixture.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using archive::ReceiveState;

class Receive : public ReceiveFixture {
 protected:
  void SetUp() override { start_server(); }
};

TEST_F(Receive, KeepsEverySegmentUnderLoad) {
  // Goal: under a full-speed load every segment is in the store byte by byte, the lag stays under a
  // segment once it has caught up, and a clean stop leaves everything flushed and reported. D7 X4
  receiver_.start();
  start_load(4);
  ASSERT_TRUE(
      receiver_.await([](const auto& status) { return status.state == ReceiveState::Streaming; }));
  std::uint64_t lag_most = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  const auto from = server_lsn();
  while (std::chrono::steady_clock::now() < until) {
    if (const auto status = receiver_.status()) lag_most = std::max(lag_most, status->lag_bytes);
    std::this_thread::sleep_for(Millis(50));
  }
  const auto moved = server_lsn().value - from.value;
  wait_load();
  const auto last = switch_wal();
  expect_equal_until(last);
  const auto rss = receiver_.peak_rss_bytes();
  std::cout << "lag at most " << lag_most / 1024 << " kB, WAL " << moved / 3 / 1024
            << " kB/s, peak RSS " << rss / 1024 << " kB\n";
  EXPECT_LT(lag_most, 16U << 20U);
  const auto end = server_lsn();
  ASSERT_TRUE(receiver_.await_flushed(end));
  EXPECT_TRUE(receiver_.stop());
  EXPECT_EQ(receiver_.status()->state, ReceiveState::Stopped);
  EXPECT_GE(receiver_.status()->flushed_lsn, end);
  EXPECT_EQ(server().query("select restart_lsn >= '" + to_string(end) +
                           "' from pg_replication_slots where slot_name = 'pgkeel_receiver'"),
            "t");
}

TEST_F(Receive, SurvivesItsOwnDeath) {
  // Goal: killed at random moments under load, it goes on without gap or overlap. D7
  std::mt19937 random(7);
  std::uniform_int_distribution<int> pause(30, 400);
  start_load(4);
  for (int round = 0; round < 8; ++round) {
    receiver_.start();
    std::this_thread::sleep_for(Millis(pause(random)));
    receiver_.kill9();
  }
  receiver_.start();
  wait_load();
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.stop());
}

TEST_F(Receive, SurvivesDyingAtAnyStep) {
  // Goal: a death between any two steps of finishing and shipping a segment loses and doubles
  // nothing. D7
  for (const auto* step : {"receive-before-finish", "receive-before-rename", "receive-after-rename",
                           "receive-before-unspool"}) {
    receiver_.start(step);
    // A receiver without a spool begins where the server is when it comes, behind the first switch.
    ASSERT_TRUE(wait_until([&] {
      switch_wal();
      return wait_until([&] { return !receiver_.alive(); }, Millis(500));
    })) << step
        << '\n'
        << receiver_log();
    ASSERT_TRUE(receiver_.await_death()) << step;
  }
  receiver_.start();
  expect_equal_until(switch_wal());
  const auto spool = archive::list_spool(receiver_.request().spool, 0).value();
  EXPECT_LE(spool.size(), 1U);
}

TEST_F(Receive, SurvivesTheServersDeath) {
  // Goal: a server that is killed and comes back is followed on, from the very next byte. D7
  receiver_.start();
  for (int round = 0; round < 2; ++round) {
    start_load(20);
    ASSERT_TRUE(receiver_.await_flushed(Lsn(server_lsn().value + 100'000)));
    server().kill9();
    wait_load();
    server().start();
  }
  expect_equal_until(switch_wal());
  EXPECT_TRUE(receiver_.alive());
}

TEST_F(Receive, FollowsATimeline) {
  // Goal: after a promotion the new timeline is archived with its history, and the last segment of
  // the old one is kept as what it is. D7
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.state == ReceiveState::Streaming; }));
  const auto before = switch_wal();
  server().query("insert into switched select now() from generate_series(1, 1000)");
  server().stop();
  std::ofstream(server().data_dir() / "standby.signal") << "";
  give_to_server(server().data_dir() / "standby.signal");
  server().start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.state == ReceiveState::Streaming; }));
  server().query("select pg_promote()");
  const auto last = switch_wal();
  EXPECT_EQ(last.substr(0, 8), "00000002");
  expect_equal_until(last);
  const auto objects = stored();
  EXPECT_TRUE(objects.contains(before));
  ASSERT_TRUE(objects.contains("00000002.history"));
  EXPECT_EQ(objects.at("00000002.history"),
            server().query("select pg_read_file('pg_wal/00000002.history')"));
  const auto old = "00000001" + last.substr(8) + ".partial";
  EXPECT_TRUE(objects.contains(old)) << receiver_log();
}

TEST_F(Receive, FollowsATimelineThatBeganWhereItIs) {
  // Goal: the old timeline ended with a segment, all of which was received: the server has nothing
  // to stream of it and names the next one at once, which is followed. D7 X2
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  switch_wal();
  server().query("select pg_switch_wal()");
  const auto edge = server().query("select pg_current_wal_insert_lsn()");
  const auto end = archive::segment_start(parse_lsn(edge).value(), pg::kDefaultWalSegmentBytes);
  ASSERT_TRUE(receiver_.await_flushed(end));
  server().kill9();
  ASSERT_TRUE(receiver_.stop());
  server().await_processes_gone();
  std::ofstream(server().data_dir() / "standby.signal") << "";
  give_to_server(server().data_dir() / "standby.signal");
  server().start();
  server().query("select pg_promote()");
  ASSERT_EQ(server().query("select split_part(pg_read_file('pg_wal/00000002.history'), E'\\t', 2)"),
            to_string(end));
  receiver_.start();
  const auto last = switch_wal();
  EXPECT_EQ(last.substr(0, 8), "00000002");
  EXPECT_TRUE(receiver_.await_flushed(server_lsn())) << receiver_log();
  expect_equal_until(last);
}

TEST_F(Receive, NamesAGap) {
  // Goal: WAL the server has removed is a gap with its two ends in the status, and receiving goes
  // on behind it. D7
  server().query("alter system set wal_keep_size = 0");
  ASSERT_NO_FATAL_FAILURE(start_receiving());
  const auto kept = switch_wal();
  expect_equal_until(kept);
  EXPECT_TRUE(receiver_.stop());
  const auto end = receiver_.status()->flushed_lsn;
  server().query("select pg_drop_replication_slot('pgkeel_receiver')");
  const auto lost = [&] {
    switch_wal();
    server().query("checkpoint");
    return server().query("select count(*) from pg_ls_waldir() where name <= '" + kept + "'") ==
               "0" &&
           server().query("select min(name) > '" + kept +
                          "' and count(*) filter (where name <= (select pg_walfile_name('" +
                          to_string(end) +
                          "'))) = 0 from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'") == "t";
  };
  ASSERT_TRUE(wait_until(lost));
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.gap.has_value(); })) << receiver_log();
  const auto gap = *receiver_.status()->gap;
  EXPECT_LE(gap.from, end);
  EXPECT_GT(gap.to, end);
  const auto last = switch_wal();
  ASSERT_TRUE(await_stored(last)) << receiver_log();
  EXPECT_NE(receiver_log().find("WAL is lost for the archive"), std::string::npos);
  // A receiver that starts later still knows.
  receiver_.kill9();
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& s) { return s.state == ReceiveState::Streaming; }));
  EXPECT_EQ(receiver_.status()->gap, gap);
}

}  // namespace
}  // namespace pgkeel::test
