// A log that grows, is rotated and is cut, read look by look.
#include "sense/log_watch.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "pg/log_signature.hpp"
#include "runtime/loop.hpp"
#include "sense/board.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::sense {
namespace {

constexpr std::string_view kCanceled =
    "2026-11-21 03:04:05.123 UTC [100] WARNING:  canceling wait for synchronous replication due to "
    "user request\n2026-11-21 03:04:05.123 UTC [100] DETAIL:  The transaction has already "
    "committed "
    "locally, but might not have been replicated to the standby.\n";

class LogWatch : public testing::Test {
 protected:
  void append(const std::string& name, std::string_view text) {
    std::ofstream(dir_ / name, std::ios::app) << text;
  }
  // Looks until the log is quiet, as time goes by.
  int canceled(const std::string& name) {
    int count = 0;
    for (int look = 0; look < 3; ++look)
      for (const auto& line : follower_.read(dir_ / name))
        count += pg::classify(line) == pg::Signature::SyncWaitCanceled ? 1 : 0;
    return count;
  }
  test::TempDir dir_;
  static constexpr WallTime kBegan{Seconds(1'795'230'245)};  // 2026-11-21 03:04:05 UTC
  LogFollower follower_{kBegan};
};

TEST_F(LogWatch, CountsOnlyWhatIsLoggedFromNowOn) {
  // Goal: cancelled waits of before the guard are not its own; each later one counts once (E8).
  append("server.log", kCanceled);
  EXPECT_EQ(canceled("server.log"), 0);
  append("server.log", kCanceled);
  append("server.log", kCanceled);
  EXPECT_EQ(canceled("server.log"), 2);
  EXPECT_EQ(canceled("server.log"), 0);
}

TEST_F(LogWatch, FollowsARotationAndACut) {
  // Goal: the old file is read to its end and the new one from its beginning; one that was
  // truncated, too.
  append("a.log", "2026-11-21 03:04:05.123 UTC [100] LOG:  anything\n");
  EXPECT_EQ(canceled("a.log"), 0);
  append("a.log", kCanceled);
  append("b.log", kCanceled);
  EXPECT_EQ(canceled("b.log"), 2);
  std::ofstream(dir_ / "b.log", std::ios::trunc) << "\n";
  EXPECT_EQ(canceled("b.log"), 0);
  append("b.log", kCanceled);
  EXPECT_EQ(canceled("b.log"), 1);
  EXPECT_EQ(canceled("gone.log"), 0);
}

TEST_F(LogWatch, AnOldFileHasNothingNew) {
  // Goal: a log that is taken up again (a week later, or of a server that moved) is read from its
  // beginning, but what it says of the time before the guard is not counted (E8).
  append("sat.log", "2026-11-21 03:04:05.123 UTC [100] LOG:  anything\n");
  EXPECT_EQ(canceled("sat.log"), 0);
  std::string old(kCanceled);
  while (old.contains("11-21")) old.replace(old.find("11-21"), 5, "11-14");
  append("sun.log", old);
  append("sun.log", kCanceled);
  EXPECT_EQ(canceled("sun.log"), 1);
}

TEST_F(LogWatch, NoFileIsNoLog) {
  // Goal: a server whose log an engine keeps is not followed, nor does it end the guard (E8).
  EXPECT_TRUE(follower_.read({}).empty());
  append("a.log", "2026-11-21 03:04:05.123 UTC [100] LOG:  anything\n");
  EXPECT_EQ(canceled("a.log"), 0);
  EXPECT_TRUE(follower_.read({}).empty());
  append("a.log", kCanceled);
  EXPECT_EQ(canceled("a.log"), 1);
}

TEST(Mended, FilesThatWereMissedWhileTheDataWasAwayAreBack) {
  // Goal: K24: what a server missed whose data directory was gone is no damage once it is back;
  // what it misses later is, and a damaged page always was (D7).
  runtime::Loop loop;
  Board board(loop, {});
  const WallTime back{Seconds(1'795'230'245)};
  board.mended[kMissedFiles] = back;
  LogEvent event;
  event.signature = pg::Signature::RelationFileMissing;
  event.text = "could not open file \"base/16400/6113\": No such file or directory";
  event.database = "crm";
  event.at = back - Seconds(1);
  EXPECT_TRUE(is_mended(board, event));
  event.at = back + Seconds(1);
  EXPECT_FALSE(is_mended(board, event));
  event.at = back - Seconds(1);
  event.signature = pg::Signature::PageCorrupt;
  event.text = "invalid page in block 1 of relation base/16400/6113";
  EXPECT_FALSE(is_mended(board, event));
}

}  // namespace
}  // namespace pgkeel::sense
