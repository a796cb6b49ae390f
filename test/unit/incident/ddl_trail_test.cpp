// The record of DDL on disk.
#include "incident/ddl_trail.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "incident/store.hpp"
#include "unit/incident/scratch_dir.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::size_t kMany = 100'000;

pg::DdlLine line_at(WallTime at, std::string tag = "DROP TABLE") {
  pg::DdlLine line;
  line.at = at;
  line.pid = 42;
  line.database = "shop";
  line.role = line.login = "app";
  line.application = "node";
  line.address = "10.0.0.5";
  line.tag = std::move(tag);
  line.outcome = "done";
  line.objects = {"table public.orders", "view public.v"};
  line.count = 7;
  return line;
}

TEST(DdlTrailTest, KeepsEachLineOnceAndWhole) {
  // Goal: C4: what a guard reads again after a restart is kept once; a new process reads it whole.
  const ScratchDir dir;
  const auto now = WallTime(std::chrono::microseconds(1'795'000'000'123'456));
  {
    auto store = Store::open(dir.path()).value();
    DdlTrail trail(*store);
    ASSERT_TRUE(trail.record({line_at(now), line_at(now, "ALTER TABLE")}, now));
    ASSERT_TRUE(trail.record({line_at(now)}, now));
  }
  auto store = Store::open(dir.path()).value();
  const auto lines = DdlTrail(*store).since(now, kMany).value();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].at, now);
  EXPECT_EQ(pg::describe(lines[0]), pg::describe(line_at(now)));
  EXPECT_EQ(lines[0].objects, line_at(now).objects);
  EXPECT_EQ(lines[0].pid, 42);
}

TEST(DdlTrailTest, IsBounded) {
  // Goal: C4: by age and by number, the oldest go first.
  const ScratchDir dir;
  auto store = Store::open(dir.path()).value();
  DdlTrail trail(*store);
  const auto now = wall_now();
  ASSERT_TRUE(
      trail.record({line_at(now - kDdlKeptFor - Seconds(1)), line_at(now - Seconds(9))}, now));
  EXPECT_EQ(trail.since({}, kMany).value().size(), 1U);
  std::vector<pg::DdlLine> lines;
  for (int n = 0; n < kDdlKept; ++n) lines.push_back(line_at(now + Millis(n)));
  ASSERT_TRUE(trail.record(lines, now));
  const auto kept = trail.since({}, kMany).value();
  EXPECT_EQ(kept.size(), static_cast<std::size_t>(kDdlKept));
  EXPECT_EQ(kept.front().at, lines.front().at);
  EXPECT_EQ(trail.since(now + Seconds(1), 3).value().back().at, lines.back().at);
}

}  // namespace
}  // namespace pgkeel::incident
