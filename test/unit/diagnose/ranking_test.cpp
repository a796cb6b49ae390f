// The table of causes, and how findings are put in order.
#include <gmock/gmock.h>

#include <set>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Causes, EveryRowStandsAtItsPlaceUnderAUniqueName) {
  // Goal: the table is indexed by the enumeration and read back by name.
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(cause_table().size()); ++i) {
    const auto cause = static_cast<Cause>(i);
    EXPECT_EQ(cause_info(cause).cause, cause);
    EXPECT_EQ(cause_by_name(cause_info(cause).name), cause);
    EXPECT_TRUE(names.insert(cause_info(cause).name).second);
    EXPECT_FALSE(cause_info(cause).sentence.empty());
  }
  EXPECT_FALSE(cause_by_name("bad_luck"));
}

TEST(Diagnose, SaysNothingOfAHealthyInstance) {
  // Goal: no false alarm.
  EXPECT_TRUE(healthy().seen.healthy());
  EXPECT_THAT(healthy().causes(), IsEmpty());
}

TEST(Diagnose, SaysNothingBeforeTheFirstLook) {
  // Goal: an empty observation accuses nobody.
  Instance instance;
  instance.known = known_shop();
  instance.known.required_databases = {"crm"};
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(Diagnose, PutsTheMostTellingFirst) {
  // Goal: what explains the others stands before them; equals keep the rule table's order.
  Instance instance = killed();
  instance.seen.files.lock.pid_reused = true;
  instance.seen.start = {kNow, true, true, "exit code 1"};
  instance.seen.files.config_error = "syntax error";
  instance.seen.files.port_listener = {"127.0.0.1:5432", 4711, "socat"};
  log(instance, pg::Signature::PortTaken, "Address already in use");
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ConfigBroken, Cause::PortTaken, Cause::StalePid,
                                             Cause::ServerStartFailed, Cause::ServerKilled));
}

TEST(Alternatives, SayWhatElseItCouldBeUntilAFactTells) {
  // Goal: the next explanations with what would tell them apart; what is settled, or found besides,
  // is none (B9 C2).
  Instance instance = killed();
  const auto open = instance.findings()[0].alternatives;
  ASSERT_FALSE(open.empty());
  EXPECT_EQ(open[0].what, "oom_killed");
  EXPECT_FALSE(open[0].tells.empty());
  in_container(instance);
  const auto settled = instance.findings()[0].alternatives;
  for (const auto& other : settled) EXPECT_NE(other.what, "oom_killed");
}

TEST(Diagnose, TheSameCaseGivesTheSameFindings) {
  // Goal: diagnosis is a function of its arguments.
  const auto once = killed().findings();
  const auto twice = killed().findings();
  ASSERT_EQ(once.size(), twice.size());
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].summary, twice[i].summary);
}

}  // namespace
}  // namespace pgkeel::diagnose
