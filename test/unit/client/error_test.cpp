// What an error says of itself, to programs and to people.
#include "client/error.hpp"

#include <gtest/gtest.h>

namespace pgkeel::client {
namespace {

TEST(DbErrorTest, CodesFollowTheSqlstate) {
  // Goal: the error table's code is chosen by SQLSTATE and phase.
  EXPECT_EQ(error_code_for("28P01", Phase::Connect), ErrorCode::AuthFailed);
  EXPECT_EQ(error_code_for("3D000", Phase::Connect), ErrorCode::NotFound);
  EXPECT_EQ(error_code_for("57P03", Phase::Connect), ErrorCode::ConnectionFailed);
  EXPECT_EQ(error_code_for("", Phase::Connect), ErrorCode::ConnectionFailed);
  EXPECT_EQ(error_code_for("57P01", Phase::InFlight), ErrorCode::ConnectionLost);
  EXPECT_EQ(error_code_for("", Phase::Commit), ErrorCode::ConnectionLost);
  EXPECT_EQ(error_code_for("42P01", Phase::InFlight), ErrorCode::Query);
}

TEST(DbErrorTest, MessageNamesHostOutcomeAndAttempt) {
  // Goal: one line tells a person where, what, whether it was applied, and how often it was tried.
  DbError error;
  error.error = Error(ErrorCode::Query, "deadlock detected");
  error.error.sqlstate = "40P01";
  error.host = "db1:5432";
  error.attempts = 2;
  EXPECT_EQ(error.message(),
            "db1:5432: deadlock detected (SQLSTATE 40P01); not applied, attempt 2");
}

TEST(DbErrorTest, AnUnknownCommitCarriesItsOwnHint) {
  // Goal: a plain error made from an unknown outcome warns before the work is repeated.
  DbError error;
  error.error = Error(ErrorCode::ConnectionLost, "gone");
  error.outcome = Outcome::Unknown;
  error.phase = Phase::Commit;
  error.host = "db1:5432";
  const Error plain_error = to_error(error);
  EXPECT_EQ(plain_error.message(), "db1:5432: gone");
  EXPECT_NE(plain_error.hint().find("before doing it again"), std::string_view::npos);
}

TEST(DbErrorTest, PlainKeepsValuesAndTurnsErrors) {
  // Goal: plain() is what lets callers above use TRY on a DbResult.
  EXPECT_EQ(plain(DbResult<int>(4)).value(), 4);
  const auto failed = plain(DbResult<>(fail(DbError{.error = Error(ErrorCode::Query, "no")})));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::Query);
}

}  // namespace
}  // namespace pgkeel::client
