// FileLock: one holder, and the next one learns who it is.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

using testing::HasSubstr;

TEST(FileLock, TheSecondOneIsToldWhoHoldsIt) {
  // Goal: StateLocked with the first one's note; free again when the first is gone.
  const test::TempDir dir;
  {
    const auto first = FileLock::acquire(dir / "lock", "pid 123, since 2026-11-21");
    ASSERT_TRUE(first.has_value());
    const auto second = FileLock::acquire(dir / "lock", "pid 456");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
    EXPECT_THAT(second.error().detail, HasSubstr("pid 123, since 2026-11-21"));
  }
  ASSERT_TRUE(FileLock::acquire(dir / "lock", "x"));
  EXPECT_EQ(read_file(dir / "lock", 100), "x\n");
}

TEST(FileLock, ADirectoryIsLockedWithoutWriting) {
  // Goal: a data directory can be locked, is left untouched, and the holder's pid is found.
  const test::TempDir dir;
  const auto first = FileLock::acquire(dir.path(), "note");
  ASSERT_TRUE(first.has_value());
  const auto second = FileLock::acquire(dir.path(), "note");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
  EXPECT_THAT(second.error().detail, HasSubstr(fmt::format("pid {}", ::getpid())));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(FileLock, AnEmptyNoteNamesThePid) {
  // Goal: a holder that wrote nothing (crashed between lock and note) is found by the kernel's
  // list.
  const test::TempDir dir;
  const auto first = FileLock::acquire(dir / "lock", "");
  ASSERT_TRUE(first.has_value());
  const auto second = FileLock::acquire(dir / "lock", "");
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().detail, HasSubstr(fmt::format("pid {}", ::getpid())));
}

TEST(FileLock, FollowsNoSymbolicLink) {
  // Goal: a link planted in a shared directory does not make root write somewhere else.
  const test::TempDir dir;
  std::ofstream(dir / "victim") << "precious";
  std::filesystem::create_symlink(dir / "victim", dir / "lock");
  EXPECT_FALSE(FileLock::acquire(dir / "lock", "note"));
  EXPECT_EQ(read_file(dir / "victim", 100), "precious");
}

}  // namespace
}  // namespace pgkeel::runtime
