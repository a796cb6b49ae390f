// Records as the kernel writes them.
#include "runtime/kernel_log.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace pgkeel::runtime {
namespace {

constexpr const char* kRecord =
    "3,1180,18183057183,-;Memory cgroup out of memory: Killed process 19255 (postgres) "
    "total-vm:216780kB, anon-rss:2176kB, oom_score_adj:1000\n SUBSYSTEM=x\n";

TEST(OomKillRecord, IsRecognisedByItsPid) {
  // Goal: the very pid, the text without the record's head, and its time.
  const auto found = parse_oom_kill(kRecord, 19255);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->text.starts_with("Memory cgroup out of memory: Killed process 19255"));
  EXPECT_TRUE(found->text.ends_with("oom_score_adj:1000"));
  EXPECT_EQ(found->at_us, 18'183'057'183);
  EXPECT_FALSE(parse_oom_kill(kRecord, 1925).has_value());
  EXPECT_TRUE(parse_oom_kill(kRecord, "postgres").has_value());
  EXPECT_FALSE(parse_oom_kill(kRecord, "postgre").has_value());
}

TEST(OomKillRecord, IsNothingElse) {
  // Goal: other records and garbage are passed over.
  for (const auto* record : {"", ";", "6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,pid=19255",
                             "Killed process 19255 (postgres)", "x;Killed process 19255 (p)"})
    EXPECT_FALSE(parse_oom_kill(record, 19255).has_value()) << record;
}

TEST(KernelLog, TellsOfAKillSinceItWasOpenedAndOnce) {
  // Goal: only what was written since counts. The pid is one no process can have.
  constexpr pid_t kNobody = 4'194'305;
  std::ofstream writer("/dev/kmsg");
  if (!writer) GTEST_SKIP() << "the kernel's log may not be written here";
  auto log = KernelLog::from_now();
  EXPECT_FALSE(log.oom_kill_of(kNobody).has_value());
  writer << "a test of pgkeel: Killed process 4194305 (nobody)" << std::endl;
  EXPECT_FALSE(log.oom_kill_of(kNobody - 1).has_value());
  writer << "a test of pgkeel: Killed process 4194305 (nobody)" << std::endl;
  EXPECT_TRUE(log.oom_kill_of(kNobody).has_value());
  EXPECT_FALSE(log.oom_kill_of(kNobody).has_value());
  EXPECT_FALSE(KernelLog::from_now().oom_kill_of(kNobody).has_value());
}

}  // namespace
}  // namespace pgkeel::runtime
