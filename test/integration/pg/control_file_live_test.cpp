// pg_control of living, stopped, killed and recovering servers, against what the server says
// itself.
#include <gtest/gtest.h>
#include <fstream>

#include "integration/pg/majors.hpp"
#include "pg/control_file.hpp"
#include "support/child.hpp"

namespace pgkeel::test {
namespace {

class ControlFileLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(ControlFileLive);

pg::ControlFile control_of(const PostgresServer& server) {
  // The server may be in the middle of writing it: a bad checksum counts when it stays.
  for (int attempt = 0;; ++attempt) {
    const auto bytes = read_file(server.data_dir() / "global" / "pg_control");
    auto file = pg::parse_control_file(std::as_bytes(std::span(bytes)));
    if (file) return *std::move(file);
    if (attempt == 20) throw std::runtime_error(file.error().message());
  }
}

std::string value_of(const PostgresServer& server, const std::string& function,
                     const std::string& column) {
  return server.rows("select (" + function + "()).\"" + column + "\"::text")
      .front()
      .front()
      .value_or("");
}

TEST_P(ControlFileLive, agrees_with_the_running_server) {
  // Goal: E6 D1: read beside a live server, the file says what the server says of itself.
  auto with = options();
  with.settings = {{"max_connections", "41"},
                   {"max_wal_senders", "6"},
                   {"wal_log_hints", "on"},
                   {"wal_level", "logical"},
                   {"max_locks_per_transaction", "71"}};
  PostgresServer server(with);
  server.query("create table t as select generate_series(1, 1000)");
  server.query("checkpoint");
  const auto file = control_of(server);
  EXPECT_EQ(file.major, GetParam());
  EXPECT_EQ(file.state, pg::ClusterState::InProduction);
  EXPECT_EQ(to_string(file.system_id), value_of(server, "pg_control_system", "system_identifier"));
  EXPECT_EQ(to_string(file.redo), value_of(server, "pg_control_checkpoint", "redo_lsn"));
  EXPECT_EQ(to_string(file.checkpoint),
            value_of(server, "pg_control_checkpoint", "checkpoint_lsn"));
  EXPECT_EQ("0:" + to_string(file.next_xid), value_of(server, "pg_control_checkpoint", "next_xid"));
  EXPECT_EQ(to_string(file.timeline), value_of(server, "pg_control_checkpoint", "timeline_id"));
  EXPECT_EQ(std::to_string(file.wal_segment_bytes),
            value_of(server, "pg_control_init", "bytes_per_wal_segment"));
  EXPECT_EQ(std::to_string(file.data_checksum_version),
            value_of(server, "pg_control_init", "data_page_checksum_version"));
  EXPECT_EQ(file.max_connections, 41);
  EXPECT_EQ(file.max_wal_senders, 6);
  EXPECT_EQ(file.max_locks_per_transaction, 71);
  EXPECT_EQ(file.wal_level, 2);
  EXPECT_TRUE(file.wal_log_hints);
}

TEST_P(ControlFileLive, tells_how_the_last_server_ended) {
  // Goal: A2 D3 D6: a clean stop reads as shut down, a kill -9 as in production, recovery in
  // between.
  auto with = options();
  // After a kill -9 the autovacuum launcher of 13 and 14 may wait half a minute for statistics that
  // nobody collects any more, before it looks for its postmaster.
  with.settings = {{"autovacuum", "off"}};
  PostgresServer server(with);
  const auto system_id = control_of(server).system_id;
  server.stop();
  EXPECT_EQ(control_of(server).state, pg::ClusterState::ShutDown);
  server.start();
  server.kill9();
  server.await_processes_gone();
  EXPECT_EQ(control_of(server).state, pg::ClusterState::InProduction);
  server.start();
  EXPECT_EQ(control_of(server).state, pg::ClusterState::InProduction);
  EXPECT_EQ(control_of(server).system_id, system_id);
  server.stop();

  // The same cluster as a standby that follows nobody: archive recovery, and its own clean stop.
  const auto signal_file = server.data_dir() / "standby.signal";
  std::ofstream(signal_file).close();
  give_to_server(signal_file);
  server.append_config("restore_command = 'false'\n");
  server.start();
  EXPECT_EQ(control_of(server).state, pg::ClusterState::InArchiveRecovery);
  EXPECT_TRUE(control_of(server).min_recovery_point.valid());
  EXPECT_EQ(to_string(control_of(server).min_recovery_point),
            value_of(server, "pg_control_recovery", "min_recovery_end_lsn"));
  server.stop();
  EXPECT_EQ(control_of(server).state, pg::ClusterState::ShutDownInRecovery);
}

TEST_P(ControlFileLive, reads_while_the_server_writes_it) {
  // Goal: checkpoints in a loop and reads beside them: every torn read is noticed, none is
  // believed.
  PostgresServer server(options());
  const auto system_id = control_of(server).system_id;
  for (int i = 0; i < 30; ++i) {
    server.query("checkpoint");
    EXPECT_EQ(control_of(server).system_id, system_id);
  }
}

}  // namespace
}  // namespace pgkeel::test
