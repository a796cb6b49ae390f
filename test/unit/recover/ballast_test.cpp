// The room kept in reserve: what is made, and what is never touched (A6 D8).
#include "recover/ballast.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr std::uint64_t kSmall = 1U << 20U;

struct Place {
  test::TempDir dir;
  fs::path data_dir = dir / "main";
  fs::path file = fs::canonical(dir.path()) / "main.pgkeel-ballast";
  Place() { fs::create_directories(data_dir / "pg_wal"); }
};

TEST(Ballast, LiesBesideTheDataDirectory) {
  // Goal: one for a disk, not in what a backup copies.
  const Place place;
  EXPECT_THAT(ballast_files(place.data_dir), ElementsAre(place.file));
  EXPECT_TRUE(ballast_files(place.dir / "nowhere").empty());
}

TEST(Ballast, IsMadeOnceAndGivenUpOnce) {
  // Goal: its room is really taken, and really given back.
  const Place place;
  ASSERT_TRUE(make_ballast(place.file, kSmall).has_value());
  EXPECT_EQ(ballast_at(place.file), kSmall);
  ASSERT_TRUE(make_ballast(place.file, kSmall).has_value());
  EXPECT_EQ(release_ballast(place.file).value_or(0), kSmall);
  EXPECT_FALSE(fs::exists(place.file));
  EXPECT_EQ(release_ballast(place.file).error().code, ErrorCode::NotFound);
}

TEST(Ballast, ThatWasBegunIsFinished) {
  // Goal: a guard killed right after it made the file, or while it grew, leaves nothing to a human.
  const Place place;
  std::ofstream(place.file).flush();
  ASSERT_TRUE(make_ballast(place.file, kSmall).has_value());
  fs::resize_file(place.file, 4096);
  ASSERT_TRUE(make_ballast(place.file, kSmall).has_value());
  EXPECT_EQ(ballast_at(place.file), kSmall);
}

TEST(Ballast, OfAnotherIsNeverTouched) {
  // Goal: a file, a link or a second name that happens to stand there is neither filled nor
  // removed.
  const Place place;
  std::ofstream(place.file) << "the only copy of the photographs";
  EXPECT_EQ(make_ballast(place.file, kSmall).error().code, ErrorCode::Refused);
  EXPECT_EQ(release_ballast(place.file).error().code, ErrorCode::NotFound);
  EXPECT_EQ(fs::file_size(place.file), 32U);
  const auto kept = place.dir / "kept";
  fs::rename(place.file, kept);
  fs::create_symlink(kept, place.file);
  EXPECT_FALSE(make_ballast(place.file, kSmall).has_value());
  EXPECT_FALSE(release_ballast(place.file).has_value());
  fs::remove(place.file);
  ASSERT_TRUE(make_ballast(place.file, kSmall).has_value());
  fs::create_hard_link(place.file, place.dir / "second");
  EXPECT_FALSE(release_ballast(place.file).has_value());
}

TEST(Ballast, IsNotMadeWhereRoomIsShort) {
  // Goal: the reserve is never what fills the disk.
  const Place place;
  const auto room = fs::space(place.dir.path()).available;
  EXPECT_EQ(make_ballast(place.file, room).error().code, ErrorCode::DiskFull);
  EXPECT_FALSE(fs::exists(place.file));
}

}  // namespace
}  // namespace pgkeel::recover
