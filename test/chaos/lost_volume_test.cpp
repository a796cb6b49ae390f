// The data directory is removed for good, and the archive brings it back. Commits are synchronous
// with the archive, so nothing acknowledged may be missing.
#include <csignal>
#include <filesystem>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "chaos/chaos.hpp"
#include "runtime/process.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 2;

class LostVolume : public testing::Test {
 protected:
  void SetUp() override {
    scene_ =
        build_scene({{"PGKEEL_ARCHIVE_STORE", "archive"}, {"PGKEEL_ARCHIVE_DURABILITY", "sync"}});
    ASSERT_TRUE(scene_.stage);
  }
  void TearDown() override {
    scene_.writer.reset();
    if (!scene_.stage) return;
    scene_.stage->end_guard();
    const auto now = status();
    const auto receiver = now ? runtime::ProcessHandle::open(now->pid)
                              : Result<runtime::ProcessHandle>(fail(ErrorCode::NotFound, ""));
    if (!receiver || !receiver->alive()) return;
    static_cast<void>(receiver->signal(SIGTERM));
    EXPECT_TRUE(test::wait_until([&] { return !receiver->alive(); }, kPatience));
  }
  [[nodiscard]] std::optional<archive::ReceiveStatus> status() const {
    auto read = archive::read_receive_status(scene_.stage->config().state_dir /
                                             archive::kReceiveStatusFile);
    return read ? std::optional(*std::move(read)) : std::nullopt;
  }
  // Complete backups in the store.
  [[nodiscard]] std::size_t backups() const {
    std::size_t count = 0;
    std::error_code error;
    const auto store = fs::path(scene_.stage->config().archive.store.where);
    for (const auto& entry : fs::directory_iterator(store / "backups", error))
      if (fs::exists(entry.path() / "backup.json", error)) ++count;
    return count;
  }
  // The server waits for the archive with every commit.
  [[nodiscard]] bool synchronous() {
    const auto rows = scene_.stage->sql(
        "postgres", "select count(*) from pg_stat_replication where sync_state = 'sync'");
    return rows && rows->text(0, 0) == "1";
  }
  void lose_the_volume() {
    auto& stage = *scene_.stage;
    const auto server = postmaster_pid(stage);
    ASSERT_NE(server, 0);
    stage.note_broken();
    std::error_code error;
    fs::remove_all(stage.instance().data_dir(), error);
    static_cast<void>(::kill(server, SIGKILL));
  }

  Scene scene_;
};

TEST_F(LostVolume, IsRestoredWithEveryAcknowledgedCommit) {
  // Goal: rm -rf of the data directory under a writer, again and again: the guard restores it by
  // itself and nothing acknowledged is lost (A3 D7 D10 X2 X4).
  auto& stage = *scene_.stage;
  ASSERT_TRUE(test::wait_until([&] { return backups() > 0; }, kPatience));
  ASSERT_TRUE(test::wait_until([&] { return synchronous(); }, kPatience));
  add_writer(scene_);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(test::wait_until([&] { return synchronous(); }, kPatience));
    ASSERT_NO_FATAL_FAILURE(lose_the_volume());
    ASSERT_TRUE(await_healed(stage, "volume_lost"));
    ASSERT_TRUE(service_restored(scene_));
  }
}

}  // namespace
}  // namespace pgkeel::chaos
