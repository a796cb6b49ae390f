#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include "archive/base_backup/leftovers.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/codec/encoded.hpp"
#include "integration/archive/base_backup/fixture.hpp"
#include "runtime/fd.hpp"
#include "support/child.hpp"
#include "support/gate.hpp"
#include "support/memory_store.hpp"

namespace pgkeel::archive {
namespace {

using test::PostgresServer;

class BackupFaultTest : public testing::Test {
 protected:
  BackupFaultTest() {
    server_.query("CREATE TABLE big AS SELECT i, md5(i::text) FROM generate_series(1, 200000) i");
  }
  /// A request so slow that there is time to break something in the middle.
  BackupRequest slow_request(Store& store) {
    auto request = test::request_for(server_, store);
    request.bytes_per_s_max = 4U << 20U;
    return request;
  }
  /// A server has no walsender left behind by a backup that ended.
  void expect_no_session() {
    EXPECT_TRUE(test::wait_until(
        [&] { return server_.query("SELECT count(*) FROM pg_stat_replication") == "0"; }));
  }
  PostgresServer server_;
};

TEST_F(BackupFaultTest, EndsWhenTold) {
  // Goal: a wake-up in the middle ends a throttled backup at once and leaves nothing visible (D7).
  test::MemoryStore store;
  auto request = slow_request(store);
  const runtime::Fd wake(::eventfd(0, EFD_CLOEXEC));
  request.wake_fd = wake.get();
  request.progress = [&](const BackupProgress& progress) {
    if (progress.bytes_done > (2U << 20U)) EXPECT_EQ(::eventfd_write(wake.get(), 1), 0);
  };
  const auto backup = make_base_backup(request);
  ASSERT_FALSE(backup);
  EXPECT_EQ(backup.error().code, ErrorCode::Cancelled);
  EXPECT_TRUE(store.objects.empty());
  expect_no_session();
}

TEST_F(BackupFaultTest, SaysThatTheConnectionWasLost) {
  // Goal: a cut in the middle of the copy is an error and never a shorter backup (D7).
  test::MemoryStore store;
  test::Gate gate(server_.port());
  auto request = slow_request(store);
  request.conninfo = pg::parse_conninfo(gate.conninfo() + " user=postgres").value();
  bool cut = false;
  request.progress = [&](const BackupProgress& progress) {
    if (!cut && progress.bytes_done > (2U << 20U)) gate.cut_all();
    cut = cut || progress.bytes_done > (2U << 20U);
  };
  const auto backup = make_base_backup(request);
  ASSERT_TRUE(cut);
  ASSERT_FALSE(backup);
  EXPECT_EQ(backup.error().code, ErrorCode::ConnectionLost) << backup.error().message();
  EXPECT_TRUE(store.objects.empty());
  expect_no_session();
}

TEST_F(BackupFaultTest, SaysThatTheStoreIsFull) {
  // Goal: a store that fills up ends the backup with DiskFull, wherever it happens, and what was
  // stored of it is removed again (D7).
  std::uint64_t room = 100'000;
  Result<Backup> backup = fail(ErrorCode::Failed, "not tried");
  for (int tries = 0; !backup; ++tries) {
    ASSERT_LT(tries, 12);
    test::MemoryStore store;
    store.fail_after = room;
    backup = make_base_backup(test::request_for(server_, store));
    if (!backup) EXPECT_EQ(backup.error().code, ErrorCode::DiskFull) << backup.error().message();
    if (!backup) EXPECT_TRUE(store.objects.empty());
    room *= 2;
  }
  EXPECT_GT(room, 400'000U);
}

TEST_F(BackupFaultTest, ADeadOneIsNoBackup) {
  // Goal: killed with everything stored but its record, a backup does not exist; its rest is found,
  // collected and the label is free again (D7).
  const auto store = test::store_beside(server_);
  auto request = test::request_for(server_, *store);
  const pid_t child = ::fork();
  if (child == 0) {
    request.progress = [](const BackupProgress& progress) {
      if (progress.phase == BackupProgress::Phase::Finish) ::raise(SIGKILL);
    };
    static_cast<void>(make_base_backup(request));
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(list_backups(*store).value(), testing::IsEmpty());
  EXPECT_EQ(make_base_backup(request).error().code, ErrorCode::Refused);
  EXPECT_THAT(incomplete_backups(*store, Seconds(3600), wall_now()).value(), testing::IsEmpty());
  const auto later = wall_now() + Seconds(3601);
  EXPECT_THAT(incomplete_backups(*store, Seconds(3600), later).value(),
              testing::ElementsAre(test::kLabel));
  ASSERT_TRUE(remove_incomplete_backup(*store, test::kLabel));
  ASSERT_TRUE(make_base_backup(request));
  EXPECT_EQ(list_backups(*store).value().size(), 1U);
}

TEST_F(BackupFaultTest, APromotedStandbyIsNoBackup) {
  // Goal: a standby that is promoted while it is read gives an error, not a backup of two
  // timelines (D10).
  server_.append_config("full_page_writes = on\n");  // what a backup of a standby needs
  server_.restart();
  server_.stop();
  PostgresServer standby({.settings = {{"primary_conninfo", server_.conninfo()}},
                          .start = test::FirstStart::No,
                          .copy_of = server_.data_dir()});
  test::shell("touch " + (standby.data_dir() / "standby.signal").string());
  server_.start();
  standby.start();
  test::MemoryStore store;
  auto request = test::request_for(standby, store);
  request.bytes_per_s_max = 4U << 20U;
  bool promoted = false;
  request.progress = [&](const BackupProgress& progress) {
    if (!promoted && progress.bytes_done > (2U << 20U))
      promoted = standby.query("SELECT pg_promote()") == "t";
  };
  const auto backup = make_base_backup(request);
  ASSERT_FALSE(backup);
  ASSERT_TRUE(promoted) << backup.error().message();
  EXPECT_THAT(backup.error().message(), testing::HasSubstr("promoted"));
  EXPECT_TRUE(store.objects.empty());
}

TEST(BackupConfig, KeepsWhatLiesOutside) {
  // Goal: configuration that Debian keeps in /etc is in the backup, with included files, at its
  // whole path; the rest of the data directory's own is not there twice (A10 D10).
  PostgresServer server({.start = test::FirstStart::No});
  const auto etc = (server.temp_dir() / "etc").string();
  test::shell("mkdir -p " + etc + "/conf.d && cp " + (server.data_dir() / "pg_hba.conf").string() +
              " " + etc + "/ && echo \"work_mem = '5MB'\" > " + etc + "/conf.d/own.conf");
  server.append_config("hba_file = '" + etc + "/pg_hba.conf'\ninclude_dir = '" + etc +
                       "/conf.d'\n");
  server.start();
  const auto store = test::store_beside(server);
  const auto backup = make_base_backup(test::request_for(server, *store));
  ASSERT_TRUE(backup) << backup.error().message();
  const auto& shard = backup->shards.back();
  ASSERT_EQ(shard.part, "config");
  test::give_to_server(test::store_dir(server));
  ASSERT_EQ(
      std::system(("chown -R --reference=" + etc + " " + test::store_dir(server).string()).c_str()),
      0);
  const auto listed = test::shell("cp -r " + etc + " " + etc + ".old; zstd -dc <" +
                                  (test::store_dir(server) / shard.object.key).string() +
                                  " | tar -C " + etc + ".old -xvf -");
  EXPECT_EQ(listed, etc.substr(1) + "/conf.d/own.conf\n" + etc.substr(1) + "/pg_hba.conf\n");
  EXPECT_EQ(test::shell("cat " + etc + ".old" + etc + "/conf.d/own.conf"), "work_mem = '5MB'\n");
  EXPECT_EQ(test::shell("diff " + etc + ".old" + etc + "/pg_hba.conf " + etc + "/pg_hba.conf"), "");
}

}  // namespace
}  // namespace pgkeel::archive
