// The start-up parameter "options", read as the server reads it.
#include "pg/wire/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::pg::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Setting> parsed(std::string_view options) {
  auto settings = parse_options(options);
  if (settings) return *std::move(settings);
  ADD_FAILURE() << options << ": " << settings.error().message();
  return {};
}

TEST(Options, AreCutAtWhiteSpaceThatIsNotEscaped) {
  // Goal: hazard 5: a backslash makes a blank or a backslash plain, and one at the end is nothing.
  EXPECT_THAT(split_options("  -c a=b\\ c\td\\\\e\\f  "), ElementsAre("-c", "a=b c", R"(d\ef)"));
  EXPECT_THAT(split_options("\\"), ElementsAre(""));
  EXPECT_THAT(split_options(" \t\n"), IsEmpty());
}

TEST(Options, MakeSettings) {
  // Goal: hazard 5: every spelling of a switch; "-" in a name is "_"; values keep theirs.
  EXPECT_THAT(parsed("-c work_mem=1MB -csearch_path=a,b --statement-timeout=5s -c a.b=x=-y"),
              ElementsAre(Setting{"work_mem", "1MB"}, Setting{"search_path", "a,b"},
                          Setting{"statement_timeout", "5s"}, Setting{"a.b", "x=-y"}));
  EXPECT_THAT(parsed(""), IsEmpty());
  EXPECT_THAT(parsed(R"(-c search_path=\"my\ schema\",\ public)"),
              ElementsAre(Setting{"search_path", "\"my schema\", public"}));
  EXPECT_THAT(parsed("-c a=b --"), ElementsAre(Setting{"a", "b"}));
  EXPECT_THAT(parsed("-c a="), ElementsAre(Setting{"a", ""}));
}

TEST(Options, KnowLettersOfSessions) {
  // Goal: letters share a word or have their argument in the next, as getopt() takes them.
  EXPECT_THAT(parsed("-eS 64 -fs -t pl -sc a=b"),
              ElementsAre(Setting{"datestyle", "euro"}, Setting{"work_mem", "64"},
                          Setting{"enable_seqscan", "false"}, Setting{"log_planner_stats", "true"},
                          Setting{"log_statement_stats", "true"}, Setting{"a", "b"}));
}

TEST(Options, AreRefusedWhenTheServerWouldRefuseThem) {
  // Goal: hazard 5: no value, no switch, letters that are none, or are the postmaster's own.
  for (const auto* options : {"-c", "-c work_mem", "--work_mem", "work_mem=1", "-", "-- -ea", "-x",
                              "-fx", "-t x", "-D /tmp", "-c a=b c"})
    EXPECT_EQ(parse_options(options).error().code, ErrorCode::Malformed) << options;
}

}  // namespace
}  // namespace pgkeel::pg::wire
