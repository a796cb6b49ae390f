// Files in a temporary directory: what is read, what replaces what, what is left after a failure.
#include "runtime/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

std::size_t entries_in(const fs::path& dir) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir), {}));
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST(ReadFile, GivesTheWholeFileOrAnError) {
  // Goal: content up to the limit; above it Malformed, absent NotFound, not a file Malformed.
  const test::TempDir dir;
  put(dir / "f", "twelve bytes");
  EXPECT_EQ(read_file(dir / "f", 12), "twelve bytes");
  EXPECT_EQ(read_file(dir / "f", 11).error().code, ErrorCode::Malformed);
  EXPECT_EQ(read_file(dir / "absent", 1).error().code, ErrorCode::NotFound);
  EXPECT_THAT(read_file(dir / "absent", 1).error().detail, testing::HasSubstr("absent"));
  EXPECT_EQ(read_file(dir.path(), 1).error().code, ErrorCode::Malformed);
}

TEST(ReadFile, AFifoIsRefusedNotWaitedFor) {
  // Goal: another user's fifo cannot block us.
  const test::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_file(dir / "fifo", 1).error().code, ErrorCode::Malformed);
}

TEST(ReadFile, PartsOfAFile) {
  // Goal: from an offset, and past the end nothing.
  const test::TempDir dir;
  put(dir / "f", "0123456789");
  EXPECT_EQ(read_file_from(dir / "f", 7, 100), "789");
  EXPECT_EQ(read_file_from(dir / "f", 2, 3), "234");
  EXPECT_EQ(read_file_from(dir / "f", 99, 3), "");
}

TEST(ReadFile, TailsBeginAtALine) {
  // Goal: the tail is cut at the start of a line; a short file comes whole.
  const test::TempDir dir;
  put(dir / "f", "one\ntwo\nthree\n");
  EXPECT_EQ(read_file_tail(dir / "f", 100), "one\ntwo\nthree\n");
  EXPECT_EQ(read_file_tail(dir / "f", 14), "one\ntwo\nthree\n");
  EXPECT_EQ(read_file_tail(dir / "f", 13), "two\nthree\n");
  EXPECT_EQ(read_file_tail(dir / "f", 10), "two\nthree\n");
  EXPECT_EQ(read_file_tail(dir / "f", 9), "three\n");
  put(dir / "long", "abcdefgh");
  EXPECT_EQ(read_file_tail(dir / "long", 3), "fgh");
  put(dir / "empty", "");
  EXPECT_EQ(read_file_tail(dir / "empty", 3), "");
}

TEST(WriteFileAtomic, ReplacesWithTheModeAsked) {
  // Goal: new content and mode, whatever the umask, and nothing left beside it.
  const test::TempDir dir;
  put(dir / "f", "old");
  ASSERT_TRUE(write_file_atomic(dir / "f", "new", {.mode = 0644, .owner = std::nullopt}));
  EXPECT_EQ(read_file(dir / "f", 10), "new");
  EXPECT_EQ(mode_of(dir / "f"), 0644U);
  EXPECT_EQ(entries_in(dir.path()), 1U);
}

TEST(WriteFileAtomic, AFailureLeavesTheOldFile) {
  // Goal: when the rename cannot happen the target stays and the temporary file is gone.
  const test::TempDir dir;
  fs::create_directories(dir / "target/inside");
  const auto written = write_file_atomic(dir / "target", "new");
  ASSERT_FALSE(written.has_value());
  EXPECT_THAT(written.error().detail, testing::HasSubstr("target"));
  EXPECT_TRUE(fs::exists(dir / "target/inside"));
  EXPECT_EQ(entries_in(dir.path()), 1U);
  EXPECT_EQ(write_file_atomic(dir / "absent/f", "x").error().code, ErrorCode::NotFound);
}

TEST(RenameDurable, NeverReplaces) {
  // Goal: an existing target refuses the rename, a free name takes it.
  const test::TempDir dir;
  put(dir / "a", "a");
  put(dir / "b", "b");
  EXPECT_EQ(rename_durable(dir / "a", dir / "b").error().code, ErrorCode::Refused);
  EXPECT_EQ(read_file(dir / "b", 1), "b");
  ASSERT_TRUE(rename_durable(dir / "a", dir / "c"));
  EXPECT_EQ(read_file(dir / "c", 1), "a");
  EXPECT_EQ(rename_durable(dir / "a", dir / "d").error().code, ErrorCode::NotFound);
}

TEST(EnsureDirectory, MakesOrAccepts) {
  // Goal: a new directory gets the mode; an existing one keeps its own; a file is no directory.
  const test::TempDir dir;
  ASSERT_TRUE(ensure_directory(dir / "d", {.mode = 0750, .owner = std::nullopt}));
  EXPECT_EQ(mode_of(dir / "d"), 0750U);
  ASSERT_TRUE(ensure_directory(dir / "d", {.mode = 0700, .owner = std::nullopt}));
  EXPECT_EQ(mode_of(dir / "d"), 0750U);
  put(dir / "f", "");
  EXPECT_EQ(ensure_directory(dir / "f", {}).error().code, ErrorCode::WrongState);
  EXPECT_EQ(ensure_directory(dir / "x/y", {}).error().code, ErrorCode::NotFound);
}

TEST(InodeOf, SurvivesARename) {
  // Goal: a directory is known again after it was moved aside.
  const test::TempDir dir;
  fs::create_directory(dir / "data");
  const auto before = inode_of(dir / "data");
  ASSERT_TRUE(rename_durable(dir / "data", dir / "aside"));
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(inode_of(dir / "aside"), *before);
  EXPECT_EQ(inode_of(dir / "data").error().code, ErrorCode::NotFound);
}

TEST(FilesystemOf, NamesTheMount) {
  // Goal: two paths of one file system have one identity; a missing path is NotFound.
  const test::TempDir dir;
  const auto first = filesystem_of(dir.path());
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->type.empty());
  EXPECT_TRUE(first->mount_point.starts_with('/'));
  fs::create_directory(dir / "sub");
  EXPECT_EQ(filesystem_of(dir / "sub"), *first);
  EXPECT_EQ(filesystem_of("/proc")->type, "proc");
  EXPECT_EQ(filesystem_of(dir / "absent").error().code, ErrorCode::NotFound);
}

TEST(DiskSpaceOf, IsPlausible) {
  // Goal: free is not more than total, in bytes and inodes.
  const auto space = disk_space("/");
  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->bytes_total, 0U);
  EXPECT_LE(space->bytes_free, space->bytes_total);
  EXPECT_LE(space->inodes_free, space->inodes_total);
  EXPECT_EQ(disk_space("/absent").error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace pgkeel::runtime
