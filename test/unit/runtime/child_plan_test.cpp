// What a child is given, decided before the fork.
#include "runtime/child_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace pgkeel::runtime::detail {
namespace {

using testing::ElementsAre;

TEST(ChildPlan, EnvironmentIsOursWithChanges) {
  // Goal: removed names are gone, added ones replace ours, broken entries are not passed on.
  constexpr std::array<const char*, 6> ours{"PATH=/bin", "PGPASSWORD=x", "LANG=C",
                                            "broken",    "=x",           nullptr};
  ProcessSpec spec;
  spec.environment = {{"LANG", "C.UTF-8"}, {"PGDATA", "/d"}};
  spec.environment_removed = {"PGPASSWORD", "ABSENT"};
  EXPECT_THAT(plan_environment(spec, ours.data()),
              ElementsAre("LANG=C.UTF-8", "PATH=/bin", "PGDATA=/d"));
}

TEST(ChildPlan, DroppingRightsChangesTheHome) {
  // Goal: a child of another account does not look into our home, unless told to.
  constexpr std::array<const char*, 3> ours{"HOME=/root", "USER=root", nullptr};
  ProcessSpec spec;
  spec.run_as = Account{"postgres", 101, 104, "/var/lib/postgresql"};
  spec.environment = {{"USER", "chosen"}};
  EXPECT_THAT(plan_environment(spec, ours.data()),
              ElementsAre("HOME=/var/lib/postgresql", "LOGNAME=postgres", "USER=chosen"));
}

TEST(ChildPlan, FindsProgramsByPathAndByName) {
  // Goal: a missing program is MissingBinary before anything is started.
  ProcessSpec spec;
  spec.argv = {"sh"};
  const auto found = plan_child(spec);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->executable.starts_with('/'));
  spec.environment = {{"PATH", "/nonexistent:relative:"}};
  EXPECT_EQ(plan_child(spec).error().code, ErrorCode::MissingBinary);
  spec.argv = {"/nonexistent/postgres"};
  EXPECT_EQ(plan_child(spec).error().code, ErrorCode::MissingBinary);
  spec.argv.clear();
  EXPECT_EQ(plan_child(spec).error().code, ErrorCode::Spawn);
}

TEST(ExitStatus, SaysHowItEnded) {
  // Goal: an exit reads as people say it.
  EXPECT_EQ((ExitStatus{.code = 1, .signal = 0}).describe(), "exit code 1");
  EXPECT_EQ((ExitStatus{.code = 0, .signal = 9}).describe(), "signal 9 (SIGKILL)");
  EXPECT_TRUE(ExitStatus{}.ok());
  EXPECT_FALSE((ExitStatus{.code = 0, .signal = 9}).ok());
}

}  // namespace
}  // namespace pgkeel::runtime::detail
