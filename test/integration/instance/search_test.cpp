#include "instance/search.hpp"

#include <gmock/gmock.h>
#include <sys/mount.h>

#include <fstream>

#include "integration/instance/fixture.hpp"
#include "support/child.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

// Clusters with an identifier of their own, since every other test runs copies of one template.
class SearchTest : public InstanceTest {
 protected:
  void SetUp() override {
    auto options = stopped();
    options.identity = test::Identity::Fresh;
    make_server(options);
  }
  LostDataReport find(const fs::path& wanted) {
    return find_lost_data({identity_, wanted}, soon());
  }
  std::vector<fs::path> paths(const LostDataReport& report) {
    std::vector<fs::path> found;
    for (const auto& candidate : report.candidates) found.push_back(candidate.path);
    return found;
  }
  // Moves the cluster away and remembers who it was.
  void move_to(const fs::path& place) {
    identity_ = identity();
    fs::rename(server().data_dir(), place);
    moved_ = place;
  }
  void TearDown() override {
    if (!moved_.empty() && !fs::exists(server().data_dir()))
      fs::rename(moved_, server().data_dir());
  }
  SystemId identity_;
  fs::path moved_;
};

TEST_F(SearchTest, FindsARenamedDirectoryBesideItsPlace) {
  // Goal: not in its place is not lost: a renamed directory is found by its identifier (rule 3).
  move_to(server().temp_dir() / "data.old");
  const std::string before = listing(server().temp_dir());
  const LostDataReport report = find(server().data_dir());
  ASSERT_THAT(paths(report), testing::ElementsAre(moved_));
  EXPECT_EQ(report.candidates[0].control.system_id, identity_);
  EXPECT_FALSE(report.candidates[0].in_use);
  EXPECT_TRUE(report.candidates[0].same_filesystem);
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(listing(server().temp_dir()), before);
}

TEST_F(SearchTest, AShadowIsNotTheLostDirectory) {
  // Goal: rule 3: a copy pgkeel keeps has the same identifier, and is behind; once promoted it is a
  // server's data like any other.
  move_to(server().temp_dir() / "data.pgkeel-shadow");
  for (const auto* name : {kShadowMarker, "standby.signal"}) std::ofstream(moved_ / name) << "{}";
  EXPECT_THAT(paths(find(server().data_dir())), testing::IsEmpty());
  fs::remove(moved_ / "standby.signal");
  EXPECT_THAT(paths(find(server().data_dir())), testing::ElementsAre(moved_));
}

TEST_F(SearchTest, FindsARenamedParent) {
  // Goal: the directory above was renamed: /x/15/main became /x.bak/15/main.
  identity_ = identity();
  const fs::path root = server().temp_dir();
  fs::create_directories(root / "pg.bak" / "15");
  move_to(root / "pg.bak" / "15" / "main");
  EXPECT_THAT(paths(find(root / "pg" / "15" / "main")), testing::ElementsAre(moved_));
}

TEST_F(SearchTest, SaysWhenSomebodyUsesIt) {
  // Goal: data that a live server stands in must not be moved; it is marked.
  identity_ = identity();
  server().start();
  const LostDataReport report = find(server().temp_dir() / "elsewhere");
  ASSERT_THAT(paths(report), testing::ElementsAre(server().data_dir()));
  EXPECT_TRUE(report.candidates[0].in_use);
}

TEST_F(SearchTest, FindsDataOnAVolumeMountedElsewhere) {
  // Goal: a volume mounted at another place is found through the mount table (mount_missing).
  const fs::path volume = server().temp_dir() / "mnt";
  fs::create_directory(volume);
  if (::mount("tmpfs", volume.c_str(), "tmpfs", 0, "size=200m") != 0)
    GTEST_SKIP() << "this machine may not mount";
  identity_ = identity();
  fs::create_directories(volume / "postgresql" / "15");
  const fs::path there = volume / "postgresql" / "15" / "main";
  test::run_child({"/bin/true"}, "/dev/null");
  fs::copy(server().data_dir(), there, fs::copy_options::recursive);
  const LostDataReport report = find("/srv/db/postgresql/15/main");
  EXPECT_THAT(paths(report), testing::Contains(there));
  for (const auto& candidate : report.candidates)
    if (candidate.path == there) EXPECT_FALSE(candidate.same_filesystem);
  ::umount(volume.c_str());
}

TEST_F(SearchTest, LooksNoLongerThanItMay) {
  // Goal: the deadline ends the search and the report says that it is not complete.
  identity_ = identity();
  const LostDataReport report =
      find_lost_data({identity_, server().temp_dir() / "x"}, SteadyClock::now());
  EXPECT_FALSE(report.complete);
  EXPECT_TRUE(report.candidates.empty());
}

}  // namespace
}  // namespace pgkeel::instance
