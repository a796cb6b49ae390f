// What psql is told, and what of the guard's answers becomes an error.
#include "app/psql_target.hpp"

#include <gmock/gmock.h>

#include "app/api_client.hpp"

namespace pgkeel::app {
namespace {

using testing::Contains;
using testing::Pair;

TEST(PsqlTarget, SpeaksThroughTheEnvironment) {
  // Goal: host, user, password and TLS settings reach psql without being in its title.
  const auto conninfo = pg::parse_conninfo(
      "host=/run/pg port=5433 user=app password=p@ss dbname=shop sslmode=require");
  ASSERT_TRUE(conninfo.has_value());
  const auto environment = libpq_environment(*conninfo);
  EXPECT_THAT(environment, Contains(Pair("PGHOST", "/run/pg")));
  EXPECT_THAT(environment, Contains(Pair("PGPORT", "5433")));
  EXPECT_THAT(environment, Contains(Pair("PGPASSWORD", "p@ss")));
  EXPECT_THAT(environment, Contains(Pair("PGDATABASE", "shop")));
  EXPECT_THAT(environment, Contains(Pair("PGSSLMODE", "require")));
  EXPECT_EQ(environment.size(), 6U);
}

TEST(GuardClient, TurnsProblemsIntoOurErrors) {
  // Goal: a problem document gives the exit code and the hint the guard meant.
  const auto refused = error_from_problem(
      409, R"({"status":409,"code":"advice_only","message":"not done","hint":"set mode"})");
  EXPECT_EQ(refused.code, ErrorCode::AdviceOnly);
  EXPECT_EQ(refused.exit_number(), 7);
  EXPECT_EQ(refused.hint(), "set mode");
  EXPECT_EQ(error_from_problem(500, "<html>").code, ErrorCode::Http);
  EXPECT_EQ(error_from_problem(404, R"({"message":"x","code":"from_the_future"})").code,
            ErrorCode::NotFound);
  EXPECT_FALSE(who_asks().empty());
}

}  // namespace
}  // namespace pgkeel::app
