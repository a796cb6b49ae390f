// The sign of life of a guard: who is told to have been killed, and when nothing is said.
#include "app/guard/lifeline.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "runtime/proc.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::app {
namespace {

// A guard of this boot whose pid is nobody's here: it was killed, or it is in a container.
void leave_sign(const test::TempDir& dir, Seconds ago) {
  const auto file = dir.path() / "guard.life";
  std::ofstream(file) << R"({"pid":1,"start_ticks":-5,"boot":")" << runtime::boot_id()
                      << R"(","started_at":"2026-11-20T10:00:00Z","stopped_at":null})";
  timespec times[2]{};
  times[0].tv_sec = times[1].tv_sec =
      std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch() - ago).count();
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

TEST(Lifeline, AGuardThatGaveASignAMomentAgoMayLiveElsewhere) {
  // Goal: the pid of a guard in a container is nobody's on the host, or another's; doctor does not
  // say of it that it was killed while its signs come (A9).
  const test::TempDir dir;
  leave_sign(dir, Seconds(2));
  EXPECT_FALSE(Lifeline(dir.path()).killed());
  leave_sign(dir, Seconds(30));
  const auto guard = Lifeline(dir.path()).killed();
  ASSERT_TRUE(guard);
  EXPECT_TRUE(guard->still);
}

TEST(Lifeline, TheNextGuardKnowsAtOnce) {
  // Goal: it holds the state directory, so the one before it is dead, however fresh its sign (A9).
  const test::TempDir dir;
  leave_sign(dir, Seconds(0));
  Lifeline next(dir.path());
  const auto guard = next.begin();
  ASSERT_TRUE(guard.has_value());
  ASSERT_TRUE(*guard);
  EXPECT_FALSE((*guard)->still);
  next.end();
  EXPECT_FALSE(Lifeline(dir.path()).killed());
}

runtime::Task<void> live(runtime::Loop* loop, Lifeline* lifeline) {
  loop->spawn(lifeline->run(loop));
  static_cast<void>(co_await loop->sleep_for(Millis(100)));
}

TEST(Lifeline, GivesASignWhileItRuns) {
  // Goal: the time of the file is renewed, by the pool, and nothing is left when the loop ends.
  const test::TempDir dir;
  leave_sign(dir, Seconds(30));
  Lifeline lifeline(dir.path());
  runtime::Loop loop;
  loop.run_until_complete(live(&loop, &lifeline));
  EXPECT_FALSE(Lifeline(dir.path()).killed());
}

}  // namespace
}  // namespace pgkeel::app
