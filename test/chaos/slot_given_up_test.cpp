// The archive is away while the server's disk fills with the WAL that is kept for it: a server on a
// small file system of its own, and a receiver that hangs.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "chaos/chaos.hpp"
#include "chaos/volume.hpp"
#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMegabyte = 1U << 20U;
constexpr const char* kNames = "show synchronous_standby_names";
constexpr int kSegments = 14;
constexpr std::uint64_t kLeftFree = 40 * kMegabyte;

class SlotGivenUp : public testing::Test {
 protected:
  void SetUp() override {
    if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
    volume_.emplace(dir_.path(), "512m");
    ASSERT_TRUE(volume_->attach());
    scene_ = build_scene({{"PGKEEL_INSTANCE_DATA_DIR", volume_->place() / "data"},
                          {"PGKEEL_ARCHIVE_STORE", "archive"},
                          {"PGKEEL_ARCHIVE_DURABILITY", "sync"},
                          {"PGKEEL_ARCHIVE_SYNC_ON_LOSS", "degrade after 3s"},
                          {"PGKEEL_CRASH_AT", "slot.journaled"},
                          {"PGKEEL_CRASH_MARK", dir_ / "crashed"},
                          {"PGKEEL_ARCHIVE_DRILL_DIR", dir_ / "drill"}});
    ASSERT_TRUE(scene_.stage);
  }

  [[nodiscard]] archive::ReceiveStatus status() const {
    auto read = archive::read_receive_status(scene_.stage->config().state_dir /
                                             archive::kReceiveStatusFile);
    return read ? *std::move(read) : archive::ReceiveStatus();
  }
  [[nodiscard]] std::string ask(std::string query) {
    const auto rows = scene_.stage->sql("postgres", std::move(query));
    return rows && !rows->empty() ? std::string(rows->text(0, 0).value_or("")) : "";
  }
  [[nodiscard]] bool becomes(const std::string& query, std::string_view answer) {
    return test::wait_until([&] { return ask(query) == answer; }, kPatience);
  }
  [[nodiscard]] std::uint64_t free_bytes() const {
    return runtime::disk_space(volume_->place())->bytes_free;
  }
  [[nodiscard]] std::size_t backups() const {
    std::error_code error;
    std::size_t count = 0;
    const auto store = fs::path(scene_.stage->config().archive.store.where);
    for (const auto& entry : fs::directory_iterator(store / "backups", error))
      count += fs::exists(entry.path() / "backup.json", error) ? 1 : 0;
    return count;
  }
  [[nodiscard]] fs::path ballast() const { return volume_->place() / "ballast"; }

  // An incident of the gap that is as it should be.
  [[nodiscard]] bool await_gap(const std::function<bool(const incident::Incident&)>& good) const {
    return test::wait_until(
        [&] {
          return std::ranges::any_of(incidents(*scene_.stage), [&](const auto& incident) {
            return incident.subject == "archive.gap" && good(incident);
          });
        },
        kPatience);
  }

  // The receiver hangs, nothing limits its slot any more, and the server soon knows that it is
  // away.
  void lose_the_archive() {
    ASSERT_TRUE(test::wait_until([&] { return backups() == 1; }, kPatience));
    ASSERT_TRUE(becomes(kNames, archive::kReceiverName));
    // The guard has limited the slot; the operator will not have it.
    ASSERT_TRUE(
        becomes("select setting <> '-1' from pg_settings where name = "
                "'max_slot_wal_keep_size'",
                "t"));
    ASSERT_TRUE(scene_.stage->sql("postgres", "alter system set max_slot_wal_keep_size = '-1'"));
    ASSERT_TRUE(scene_.stage->sql("postgres", "alter system set wal_sender_timeout = '3s'"));
    ASSERT_TRUE(scene_.stage->sql("postgres", "select pg_reload_conf()"));
    ASSERT_TRUE(becomes("show max_slot_wal_keep_size", "-1"));
    scene_.stage->note_broken();
    ASSERT_EQ(::kill(status().pid, SIGSTOP), 0);
    ASSERT_TRUE(becomes("select active from pg_replication_slots", "f"));
    ASSERT_TRUE(becomes(kNames, ""));
  }
  void fill_the_disk() {
    for (int segment = 0; segment < kSegments; ++segment) {
      ASSERT_TRUE(scene_.stage->sql("postgres", "select pg_logical_emit_message(false, '', '')"));
      ASSERT_TRUE(scene_.stage->sql("postgres", "select pg_switch_wal()"));
    }
    ASSERT_TRUE(scene_.stage->sql("postgres", "checkpoint"));
    const int file = ::open(ballast().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_GT(free_bytes(), kLeftFree);
    EXPECT_EQ(::posix_fallocate(file, 0, static_cast<off_t>(free_bytes() - kLeftFree)), 0);
    ::close(file);
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
  Scene scene_;
};

TEST_F(SlotGivenUp, BeforeTheDiskIsFullAndMadeUpForByANewBackup) {
  // Goal: the server never stops for the archive's sake: the slot is dropped while there is room,
  // also by the next guard when one dies over it, and a human is called; when the archive is back
  // it has a new slot and a new backup, and only then commits wait for it again (D7 D15 E8).
  ASSERT_NO_FATAL_FAILURE(lose_the_archive());
  const auto postmaster = postmaster_pid(*scene_.stage);
  ASSERT_NO_FATAL_FAILURE(fill_the_disk());
  const auto held = volume_->place() / "data/pg_wal" /
                    ask("select pg_walfile_name(restart_lsn + 1) from pg_replication_slots");
  ASSERT_TRUE(fs::is_regular_file(held));
  ASSERT_TRUE(scene_.stage->await_guard_end(kPatience).has_value());
  EXPECT_EQ(ask("select count(*) from pg_replication_slots"), "1");
  ASSERT_TRUE(scene_.stage->start_guard().has_value());
  ASSERT_TRUE(becomes("select count(*) from pg_replication_slots", "0"));
  EXPECT_TRUE(test::wait_until([&] { return !fs::exists(held); }, kPatience)) << "used anew";
  ASSERT_TRUE(await_gap([](const incident::Incident& incident) {
    return incident.severity == incident::Severity::Critical;
  }));
  fs::remove(ballast());
  ASSERT_EQ(::kill(status().pid, SIGCONT), 0);
  ASSERT_TRUE(becomes("select active from pg_replication_slots", "t"));
  ASSERT_TRUE(test::wait_until(
      [&] {
        const auto names = ask(kNames);
        if (backups() == 2) return true;
        EXPECT_EQ(names, "") << "nothing could be restored yet";
        return false;
      },
      kPatience));
  ASSERT_TRUE(becomes(kNames, archive::kReceiverName));
  ASSERT_TRUE(await_gap(healed));
  EXPECT_EQ(postmaster_pid(*scene_.stage), postmaster);
  add_writer(scene_);
  EXPECT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
