#include <gmock/gmock.h>

#include "archive/base_backup/leftovers.hpp"
#include "archive/catalog/layout.hpp"
#include "integration/archive/base_backup/fixture.hpp"
#include "integration/pg/majors.hpp"

namespace pgkeel::archive {
namespace {

using test::PostgresServer;

class ProtocolTest : public test::EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(ProtocolTest);

TEST_P(ProtocolTest, BringsEveryFileOfTheManifest) {
  // Goal: in both forms of the protocol, with a tablespace, each file the server lists is in
  // exactly one shard with its checksum, and the record says what the server is (A10 D10).
  const PostgresServer server(options());
  test::shell("mkdir " + (server.temp_dir() / "space").string());
  server.query("CREATE TABLESPACE fast LOCATION '" + (server.temp_dir() / "space").string() + "'");
  server.query(
      "CREATE TABLE big TABLESPACE fast AS SELECT i, repeat('x', 100) AS t "
      "FROM generate_series(1, 60000) i");  // larger than a shard
  server.query("CREATE UNLOGGED TABLE carts AS SELECT 1 AS i");
  const auto store = test::store_beside(server);
  auto request = test::request_for(server, *store);
  std::vector<BackupProgress> reports;
  request.progress = [&](const BackupProgress& progress) { reports.push_back(progress); };
  std::vector<std::string> warnings;
  request.warn = [&](std::string_view warning) { warnings.emplace_back(warning); };

  const auto backup = make_base_backup(request);
  ASSERT_TRUE(backup) << backup.error().message();
  EXPECT_THAT(test::differences(*store, {}, *backup), testing::IsEmpty());
  EXPECT_EQ(backup->major(), GetParam());
  EXPECT_EQ(to_string(backup->system_id),
            server.query("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(backup->timeline, TimelineId(1));
  EXPECT_LT(backup->start_lsn, backup->stop_lsn);
  EXPECT_EQ(backup->wal_segment_bytes, pg::kDefaultWalSegmentBytes);
  EXPECT_EQ(backup->data_checksums, server.query("SHOW data_checksums") == "on");
  ASSERT_EQ(backup->tablespaces.size(), 1U);
  EXPECT_EQ(backup->tablespaces[0].location, server.temp_dir() / "space");
  EXPECT_THAT(backup->unlogged, testing::ElementsAre("postgres.public.carts"));
  EXPECT_THAT(warnings, testing::IsEmpty());
  EXPECT_GT(backup->shards.size(), 3U);
  ASSERT_GE(reports.size(), 3U);
  EXPECT_EQ(reports.back().phase, BackupProgress::Phase::Finish);
  EXPECT_GE(reports.back().bytes_done, backup->plain_bytes);

  EXPECT_EQ(to_json(find_backup(*store, test::kLabel).value()), to_json(*backup));
  EXPECT_EQ(read_object(*store, kLatestKey, 100).value(), std::string(test::kLabel) + "\n");
}

TEST(BaseBackup, RefusesAUsedLabelAndAnotherCluster) {
  // Goal: nothing is mixed with what is there, and nothing of a stranger is stored (D3).
  const PostgresServer server;
  const auto store = test::store_beside(server);
  auto request = test::request_for(server, *store);
  request.expected_system = SystemId(42);
  EXPECT_EQ(make_base_backup(request).error().code, ErrorCode::WrongIdentity);
  EXPECT_THAT(store->list("").value(), testing::IsEmpty());
  ASSERT_TRUE(write_object(*store, shard_key(test::kLabel, "data", 0), "x", Replace::Never));
  request.expected_system.reset();
  EXPECT_EQ(make_base_backup(request).error().code, ErrorCode::Refused);
  EXPECT_EQ(store->list("").value().size(), 1U);
}

TEST(BaseBackup, SaysWhatTheServerLacks) {
  // Goal: a missing pg_hba.conf line and a missing privilege end in the line that helps, and leave
  // nothing behind (A10).
  PostgresServer server;
  server.query("CREATE ROLE backup LOGIN REPLICATION; CREATE ROLE nobody LOGIN");
  const auto store = test::store_beside(server);
  auto request = test::request_for(server, *store);
  request.conninfo.user = "nobody";
  const auto refused = make_base_backup(request);
  ASSERT_FALSE(refused);
  EXPECT_THAT(std::string(refused.error().hint()),
              testing::HasSubstr("ALTER ROLE \"nobody\" REPLICATION"));
  server.set_hba("host all all 127.0.0.1/32 trust\n");
  request.conninfo.user = "backup";
  const auto missing = make_base_backup(request);
  ASSERT_FALSE(missing);
  EXPECT_THAT(std::string(missing.error().hint()),
              testing::HasSubstr("host replication backup 127.0.0.1/32 scram-sha-256"));
  EXPECT_THAT(store->list("").value(), testing::IsEmpty());
}

TEST(BaseBackup, NeedsNoMoreThanReplication) {
  // Goal: a role that may replicate and cannot log in to any database still gets a backup, and is
  // told what is not known (A10).
  PostgresServer server;
  server.query("CREATE ROLE backup LOGIN REPLICATION");
  server.set_hba(
      "host replication backup 127.0.0.1/32 trust\nhost all postgres 127.0.0.1/32 trust\n");
  const auto store = test::store_beside(server);
  auto request = test::request_for(server, *store);
  request.conninfo.user = "backup";
  std::vector<std::string> warnings;
  request.warn = [&](std::string_view warning) { warnings.emplace_back(warning); };
  const auto backup = make_base_backup(request);
  ASSERT_TRUE(backup) << backup.error().message();
  EXPECT_THAT(test::differences(*store, {}, *backup), testing::IsEmpty());
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], testing::HasSubstr("unlogged tables and configuration"));
}

}  // namespace
}  // namespace pgkeel::archive
