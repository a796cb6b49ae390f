// A directory store on a small disk, and one whose writer is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "archive/storage/posix.hpp"
#include "integration/archive/storage/store_text.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A tmpfs of 4 MiB, unmounted at the end.
class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = ::mount("pgkeel-test", dir_.path().c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool is_mounted() const { return mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return dir_.path(); }

 private:
  test::TempDir dir_;
  bool mounted_ = false;
};

TEST(PosixDisk, AFullOneIsSaidToBeFull) {
  // Goal (C3): DiskFull with the room left, no half object, no leftover, the old ones whole; once
  // there is room it goes on.
  const SmallDisk disk;
  if (!disk.is_mounted()) GTEST_SKIP() << "needs the right to mount";
  const auto store = *open_posix_store(disk.path());
  const auto old = made_up(2U << 20U);
  ASSERT_TRUE(write_object(*store, "backups/old", old, Replace::Never));
  const auto full = write_object(*store, "backups/new", made_up(3U << 20U), Replace::Never);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::DiskFull);
  EXPECT_THAT(full.error().message(), testing::HasSubstr("backups/new"));
  EXPECT_THAT(full.error().message(), testing::HasSubstr("free)"));
  EXPECT_THAT(keys_of(*store), ElementsAre("backups/old"));
  EXPECT_TRUE(std::filesystem::is_empty(disk.path() / ".tmp"));
  EXPECT_TRUE(read_all(*store, "backups/old") == old);
  ASSERT_TRUE(store->remove("backups/old"));
  EXPECT_TRUE(write_object(*store, "backups/new", made_up(3U << 20U), Replace::Never));
}

TEST(PosixDisk, AKilledWriterLeavesNoObject) {
  // Goal (C3): killed before the commit, there is no object; what is left is found and removed.
  const test::TempDir dir;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto store = *open_posix_store(dir.path());
    const auto writer = *store->create("backups/one", Replace::Never);
    static_cast<void>(write_pieces(*writer, made_up(5U << 20U)));
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto store = *open_posix_store(dir.path());
  EXPECT_THAT(keys_of(*store), IsEmpty());
  const auto left = *store->abandoned(Millis(0));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_GT(left[0].size_bytes, 0U);
  ASSERT_TRUE(store->remove_abandoned(left[0]));
  EXPECT_THAT(*store->abandoned(Millis(0)), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::archive
