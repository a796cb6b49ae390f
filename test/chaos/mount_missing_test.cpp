// A data directory on a file system of its own, which is unmounted under a dead server: a real
// mount in a mount namespace of the test's own.
#include "chaos/chaos.hpp"
#include "chaos/volume.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::Incident;
using incident::IncidentState;

bool waits(const Incident& incident) {
  return incident.state == IncidentState::Waiting && incident.actions.empty();
}

// A guarded cluster on a volume of its own, with a writer at work.
class MountMissing : public testing::Test {
 protected:
  void SetUp() override {
    if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
    volume_.emplace(dir_.path());
    ASSERT_TRUE(volume_->attach());
    scene_ = build_scene({{"PGKEEL_INSTANCE_DATA_DIR", volume_->place() / "data"}});
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
  }
  void expect_served_from_it_again() {
    EXPECT_TRUE(fs::is_empty(volume_->place()));
    ASSERT_TRUE(volume_->attach());
    ASSERT_TRUE(await_healed(*scene_.stage, "mount_missing"));
    ASSERT_TRUE(service_restored(scene_));
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
  Scene scene_;
};

TEST_F(MountMissing, IsWaitedForAndNotInitialised) {
  // Goal: an unmounted file system is not a lost one: nothing is made on the mount point, and when
  // it is back the server is started from it with every row (C1, D1, D6).
  auto& stage = *scene_.stage;
  stage.end_guard();  // as at a boot whose mount comes late: server and guard meet an empty place
  kill_server(stage);
  ASSERT_TRUE(test::wait_until([&] { return postmaster_pid(stage) == 0; }, kPatience));
  volume_->detach();
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_incident(stage, "mount_missing", waits));
  ASSERT_TRUE(stays_down(stage));
  ASSERT_TRUE(await_incident(stage, "mount_missing", waits));
  expect_served_from_it_again();
}

TEST_F(MountMissing, UnderAWatchingGuard) {
  // Goal: the same when guard and server were running as the file system went away (C1, D1, D6).
  auto& stage = *scene_.stage;
  const auto pid = postmaster_pid(stage);
  stage.note_broken();
  volume_->detach();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(await_incident(stage, "mount_missing", waits));
  expect_served_from_it_again();
}

}  // namespace
}  // namespace pgkeel::chaos
