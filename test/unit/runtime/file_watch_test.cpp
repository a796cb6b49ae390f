// A real inotify on real files.
#include "runtime/file_watch.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

void put(const std::filesystem::path& path, std::string_view text) { std::ofstream(path) << text; }

Result<bool> change(Loop& loop, FileWatch& watch, Millis patience) {
  return loop.run_until_complete(watch.changed(loop, loop.after(patience)));
}

TEST(FileWatch, TellsAWriteAndThenIsQuiet) {
  // Goal: a write before the wait is told too, once.
  const test::TempDir dir;
  put(dir / "f", "one");
  Loop loop;
  auto watch = FileWatch::create(dir / "f");
  ASSERT_TRUE(watch.has_value());
  EXPECT_EQ(change(loop, *watch, Millis(1)).error().code, ErrorCode::TimedOut);
  put(dir / "f", "two");
  EXPECT_EQ(change(loop, *watch, Seconds(10)), true);
  EXPECT_EQ(change(loop, *watch, Millis(1)).error().code, ErrorCode::TimedOut);
}

TEST(FileWatch, TellsThatTheFileIsAnotherOrGone) {
  // Goal: removal and replacement by rename end a watch.
  const test::TempDir dir;
  put(dir / "removed", "one");
  put(dir / "replaced", "one");
  put(dir / "new", "two");
  Loop loop;
  auto removed = FileWatch::create(dir / "removed");
  auto replaced = FileWatch::create(dir / "replaced");
  ASSERT_TRUE(removed.has_value() && replaced.has_value());
  std::filesystem::remove(dir / "removed");
  std::filesystem::rename(dir / "new", dir / "replaced");
  EXPECT_EQ(change(loop, *removed, Seconds(10)), false);
  EXPECT_EQ(change(loop, *replaced, Seconds(10)), false);
}

TEST(FileWatch, RefusesWhatIsNotThere) {
  // Goal: an absent file is NotFound, at once.
  const test::TempDir dir;
  EXPECT_EQ(FileWatch::create(dir / "absent").error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace pgkeel::runtime
