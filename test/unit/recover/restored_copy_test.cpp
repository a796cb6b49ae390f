// What of an interrupted restore is removed, and what never is.
#include "recover/playbooks/restored_copy.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using instance::SwapManner;

constexpr WallTime kNow{Seconds(1'800'000'000)};

class RestoredCopy : public testing::TestWithParam<SwapManner> {
 protected:
  void SetUp() override {
    place_ = dir_ / "main";
    if (GetParam() == SwapManner::Entries) fs::create_directory(place_);
    copy_ = copy_path(place_, GetParam(), kNow);
  }
  // As a restore leaves one whose control file has its name: it was being replayed.
  static void fill(const fs::path& copy) {
    for (const auto* part : {"/global", "/pgkeel-restore", "-tablespaces/16384"})
      fs::create_directories(copy.string() + part);
    std::ofstream(copy / "global" / "pg_control") << "control";
  }
  Result<void> discard() { return discard_copy(place_, GetParam()); }

  test::TempDir dir_;
  fs::path place_;
  fs::path copy_;
};

TEST_P(RestoredCopy, OfAnInterruptedRestoreIsRemovedWithItsTablespaces) {
  // Goal: whatever phase it was interrupted in, the next attempt has the room again (A3 D6).
  ASSERT_TRUE(mark_copy(place_, GetParam(), copy_).has_value());
  fill(copy_);
  ASSERT_TRUE(discard().has_value());
  EXPECT_FALSE(fs::exists(copy_));
  EXPECT_FALSE(fs::exists(copy_.string() + "-tablespaces"));
  const auto home = GetParam() == SwapManner::Entries ? place_ : dir_.path();
  EXPECT_TRUE(fs::is_empty(home)) << "the mark is left";
}

TEST_P(RestoredCopy, WithoutAMarkStays) {
  // Goal: a copy that was handed to a human, or that the mark does not name, is never removed (D6).
  fill(copy_);
  ASSERT_TRUE(discard().has_value());
  EXPECT_TRUE(fs::exists(copy_ / "global" / "pg_control"));
  ASSERT_TRUE(mark_copy(place_, GetParam(), copy_path(place_, GetParam(), kNow + Seconds(1))));
  ASSERT_TRUE(discard().has_value());
  ASSERT_TRUE(mark_copy(place_, GetParam(), copy_).has_value());
  ASSERT_TRUE(release_copy(place_, GetParam()).has_value());
  ASSERT_TRUE(discard().has_value());
  EXPECT_TRUE(fs::exists(copy_ / "global" / "pg_control"));
}

TEST_P(RestoredCopy, ThatWasMovedKeepsItsTablespaces) {
  // Goal: once the copy is in use under another name, its tablespaces are somebody's data (D6).
  ASSERT_TRUE(mark_copy(place_, GetParam(), copy_).has_value());
  fill(copy_);
  fs::rename(copy_, dir_ / "elsewhere");
  ASSERT_TRUE(discard().has_value());
  EXPECT_TRUE(fs::exists(copy_.string() + "-tablespaces/16384"));
  EXPECT_TRUE(fs::exists(dir_ / "elsewhere"));
}

TEST_P(RestoredCopy, IsAllAMarkCanName) {
  // Goal: a mark that was damaged, or made by somebody else, removes nothing (D6 X8).
  fs::create_directories(place_ / "base");
  for (const auto* name : {"main", "../main", "", "main.pgkeel-restore-", "pgkeel-restore-1x",
                           "main.pgkeel-restore-1/../main"}) {
    ASSERT_TRUE(mark_copy(place_, GetParam(), copy_).has_value());
    std::ofstream(instance::near_place(place_, GetParam(), "restoring")) << name << "\n";
    EXPECT_FALSE(discard().has_value()) << name;
  }
  EXPECT_TRUE(fs::exists(place_ / "base"));
}

INSTANTIATE_TEST_SUITE_P(Near, RestoredCopy,
                         testing::Values(SwapManner::Whole, SwapManner::Entries),
                         [](const auto& manner) {
                           return manner.param == SwapManner::Whole ? "APlace" : "AMountPoint";
                         });

TEST(RestoredData, FillsOnlyAPlaceWithNothingInIt) {
  // Goal: what a human copied there while the restore ran is never mixed with it (D6 D7).
  using instance::DataDirState;
  instance::DataDirFacts place;
  for (const auto state : {DataDirState::Missing, DataDirState::Empty}) {
    place.state = state;
    EXPECT_EQ(objection_to_filling(place), "");
  }
  for (const auto state :
       {DataDirState::Present, DataDirState::Incomplete, DataDirState::Unreadable}) {
    place.state = state;
    EXPECT_NE(objection_to_filling(place), "");
  }
}

}  // namespace
}  // namespace pgkeel::recover
