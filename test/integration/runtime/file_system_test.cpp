// Durable writes on a file system that is full, and ownership; needs root for both.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

// A tmpfs of 64 kB, unmounted at the end.
class SmallFilesystem {
 public:
  explicit SmallFilesystem(std::filesystem::path where) : where_(std::move(where)) {
    std::filesystem::create_directory(where_);
    mounted_ = ::mount("pgkeel-test", where_.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  ~SmallFilesystem() {
    if (mounted_) ::umount(where_.c_str());
  }
  SmallFilesystem(const SmallFilesystem&) = delete;
  SmallFilesystem& operator=(const SmallFilesystem&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::filesystem::path where_;
  bool mounted_ = false;
};

TEST(FileSystem, AFullDiskKeepsTheOldFile) {
  // Goal: ENOSPC is DiskFull with the path, the old content stays, no temporary file is left.
  const test::TempDir dir;
  const SmallFilesystem small(dir / "m");
  if (!small.mounted()) GTEST_SKIP() << "may not mount";
  ASSERT_TRUE(write_file_atomic(dir / "m/f", "old"));
  const auto written = write_file_atomic(dir / "m/f", std::string(1U << 20U, 'x'));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::DiskFull);
  EXPECT_THAT(written.error().detail, testing::HasSubstr((dir / "m/f").native()));
  EXPECT_EQ(read_file(dir / "m/f", 10), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir / "m"), {}), 1);
  EXPECT_LE(disk_space(dir / "m")->bytes_total, 65536U);
}

TEST(FileSystem, AMountHasAnotherIdentity) {
  // Goal: a directory that was mounted over is seen to be on another file system.
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "m");
  const auto before = filesystem_of(dir / "m");
  ASSERT_TRUE(before.has_value());
  const SmallFilesystem small(dir / "m");
  if (!small.mounted()) GTEST_SKIP() << "may not mount";
  const auto after = filesystem_of(dir / "m");
  ASSERT_TRUE(after.has_value());
  EXPECT_NE(*after, *before);
  EXPECT_EQ(after->type, "tmpfs");
  EXPECT_EQ(after->mount_point, (dir / "m").native());
  EXPECT_EQ(after->device, "pgkeel-test");
}

TEST(FileSystem, OwnersAreSetBeforeTheNameIs) {
  // Goal: a file or directory made for another account belongs to it.
  if (!running_as_root()) GTEST_SKIP() << "needs root";
  const test::TempDir dir;
  const auto nobody = account_by_name("nobody").value();
  ASSERT_TRUE(write_file_atomic(dir / "f", "x", {.mode = 0640, .owner = nobody}));
  ASSERT_TRUE(ensure_directory(dir / "d", {.mode = 0700, .owner = nobody}));
  for (const auto* name : {"f", "d"}) {
    struct stat status{};
    ASSERT_EQ(::stat((dir / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, nobody.uid);
    EXPECT_EQ(status.st_gid, nobody.gid);
  }
}

TEST(FileSystem, RenamesAcrossFileSystemsAreRefused) {
  // Goal: a rename that would have to copy is an error, and moves nothing.
  const test::TempDir dir;
  const SmallFilesystem small(dir / "m");
  if (!small.mounted()) GTEST_SKIP() << "may not mount";
  ASSERT_TRUE(write_file_atomic(dir / "f", "x"));
  EXPECT_EQ(rename_durable(dir / "f", dir / "m/f").error().sys_errno, EXDEV);
  EXPECT_TRUE(std::filesystem::exists(dir / "f"));
}

}  // namespace
}  // namespace pgkeel::runtime
