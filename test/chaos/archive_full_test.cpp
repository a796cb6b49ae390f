// The archive's disk fills while commits wait for it: a store on a small file system of its own.
#include <fcntl.h>
#include <unistd.h>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "chaos/chaos.hpp"
#include "chaos/volume.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeftFree = 150U << 20U;  // less than a receiver needs to go on

class ArchiveFull : public testing::Test {
 protected:
  void SetUp() override {
    if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
    volume_.emplace(dir_.path(), "600m");
    ASSERT_TRUE(volume_->attach());
    scene_ = build_scene({{"PGKEEL_ARCHIVE_STORE", volume_->place() / "archive"},
                          {"PGKEEL_ARCHIVE_DURABILITY", "sync"},
                          {"PGKEEL_ARCHIVE_SYNC_ON_LOSS", "degrade after 3s"},
                          {"PGKEEL_ARCHIVE_DRILL_DIR", dir_ / "drill"}});
    ASSERT_TRUE(scene_.stage);
  }
  app::Stage& stage() { return *scene_.stage; }

  [[nodiscard]] std::optional<archive::ReceiveStatus> receiver() const {
    auto read = archive::read_receive_status(scene_.stage->config().state_dir /
                                             archive::kReceiveStatusFile);
    return read ? std::optional(*std::move(read)) : std::nullopt;
  }
  [[nodiscard]] bool await_names(std::string_view names) {
    return test::wait_until(
        [&] {
          const auto rows = stage().sql("postgres", "show synchronous_standby_names");
          return rows && rows->text(0, 0) == names;
        },
        kPatience);
  }
  [[nodiscard]] fs::path ballast() const { return volume_->place() / "ballast"; }
  void fill_the_disk() {
    const int file = ::open(ballast().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    const auto free = runtime::disk_space(volume_->place())->bytes_free;
    ASSERT_GT(free, kLeftFree);
    EXPECT_EQ(::posix_fallocate(file, 0, static_cast<off_t>(free - kLeftFree)), 0);
    ::close(file);
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
  Scene scene_;
};

TEST_F(ArchiveFull, CommitsGoOnAndAreProtectedAgainWhenThereIsRoom) {
  // Goal: with the archive's disk full commits resume by policy within 15 s, nothing restarts, the
  // interval is reported, and all of it ends by itself when there is room (C3 D7 D15 E8).
  ASSERT_TRUE(await_names(archive::kReceiverName));
  add_writer(scene_);
  ASSERT_TRUE(service_restored(scene_));
  const auto postmaster = postmaster_pid(stage());
  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(fill_the_disk());
  const auto full_at = SteadyClock::now();
  ASSERT_TRUE(stage().sql("postgres", "select pg_switch_wal()"));
  ASSERT_TRUE(await_names(""));
  scene_.writer->mark();
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_LT(SteadyClock::now() - full_at, Seconds(15));
  const auto received = receiver();
  ASSERT_TRUE(received && received->last_error);
  EXPECT_EQ(received->last_error->code, "disk_full") << received->last_error->message;
  std::error_code error;
  fs::remove(ballast(), error);
  ASSERT_TRUE(await_names(archive::kReceiverName));
  ASSERT_TRUE(await_healed(stage(), "commits_unprotected"));
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_EQ(postmaster_pid(stage()), postmaster);
  EXPECT_EQ(scene_.writer->tally().errors, 0);
}

}  // namespace
}  // namespace pgkeel::chaos
