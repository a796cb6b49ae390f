#include "instance/server_log.hpp"

#include <gtest/gtest.h>
#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

void append(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

TEST(LogMark, ReadsOnlyWhatCameAfterIt) {
  // Goal: an old FATAL does not become the reason of a new failure.
  const test::TempDir temp;
  append(temp / "log", "FATAL: old\n");
  const LogMark mark = LogMark::take(temp / "log", temp.path());
  EXPECT_EQ(mark.read(), "");
  append(temp / "log", "LOG: new\n");
  EXPECT_EQ(mark.read(), "LOG: new\n");
}

TEST(LogMark, FollowsTheCollectorAndIsBounded) {
  // Goal: the collector's file is read too, a new one from its start, and never without limit.
  const test::TempDir temp;
  const LogMark mark = LogMark::take(temp / "log", temp.path());
  append(temp / "log", "redirecting\n");
  append(temp / "current_logfiles", "stderr a.log\n");
  append(temp / "a.log", "FATAL: why\n");
  EXPECT_EQ(mark.read(), "redirecting\nFATAL: why\n");
  append(temp / "log", std::string(2 * kStartLogBytesMax, 'x'));
  EXPECT_EQ(mark.read().size(), kStartLogBytesMax);
}

TEST(LogMark, ReadsARotatedFileFromItsStart) {
  // Goal: a log that was replaced by a shorter one since is not skipped.
  const test::TempDir temp;
  append(temp / "log", "a long story from before\n");
  const LogMark mark = LogMark::take(temp / "log", temp.path());
  std::filesystem::remove(temp / "log");
  append(temp / "log", "new\n");
  EXPECT_EQ(mark.read(), "new\n");
}

TEST(TellingLine, PrefersTheSevere) {
  // Goal: one line for a message: the worst, else the last.
  EXPECT_EQ(telling_line("LOG:  a\nFATAL:  why\nLOG:  shut down\n"), "FATAL:  why");
  EXPECT_EQ(telling_line("LOG:  a\nLOG:  b\n\n"), "LOG:  b");
  EXPECT_EQ(telling_line(""), "");
}

}  // namespace
}  // namespace pgkeel::instance
