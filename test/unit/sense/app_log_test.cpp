// Lines of applications' logs, as libraries write them, and what is no trouble of a database.
#include "sense/app_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::sense {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const WallTime kTen = *parse_iso8601("2026-11-21T10:00:00Z");

TEST(AppTrouble, IsNamedByTheWordsOfManyLibraries) {
  // Goal: K53 K54 D12: what psycopg, asyncpg, node-postgres, JDBC and the server itself say.
  using enum AppTrouble;
  const std::vector<std::pair<std::string_view, AppTrouble>> known = {
      {R"(psycopg2.OperationalError: could not translate host name "db" to address: Name or)",
       UnknownHost},
      {"Error: getaddrinfo ENOTFOUND postgres", UnknownHost},
      {R"(connection to server at "db" (172.18.0.5), port 5432 failed: Connection refused)",
       Refused},
      {"Error: connect ECONNREFUSED 127.0.0.1:5432", Refused},
      {"FATAL: sorry, too many clients already", TooMany},
      {"sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached", TooMany},
      {R"(asyncpg.exceptions.UndefinedTableError: relation "aiogram_states" does not exist)",
       MissingRelation},
      {R"(error: relation "orders" does not exist)", MissingRelation},
      {R"(FATAL: database "soul_bot" does not exist)", MissingDatabase},
      {"server closed the connection unexpectedly", Closed},
      {"Error: Connection terminated unexpectedly", Closed},
      {R"(password authentication failed for user "app")", Login},
      {"canceling statement due to statement timeout", Timeout},
      {"psycopg.OperationalError: SSL error: certificate verify failed", Tls},
      {"FATAL: the database system is starting up", NotReady},
      {"deadlock detected", Deadlock},
      {"cannot execute INSERT in a read-only transaction", ReadOnly},
      {R"(could not extend file "base/5/1": No space left on device)", NoSpace},
  };
  for (const auto& [line, trouble] : known) EXPECT_EQ(app_trouble(line), trouble) << line;
}

TEST(AppTrouble, IsNotEveryErrorOfAnApplication) {
  // Goal: the same words about something else name nothing (X5).
  for (const auto* line :
       {"redis: connection refused", "getaddrinfo ENOTFOUND api.telegram.org",
        "requests: certificate verify failed: api.example.org", "user said: too many cats", "",
        "file \"x\" does not exist", "upload: No space left on device"})
    EXPECT_FALSE(app_trouble(line)) << line;
}

TEST(AppLog, ReadsTheTimesOfMostFormats) {
  // Goal: UTC, an offset, a fraction, within brackets or JSON; nonsense is no time (X5).
  EXPECT_EQ(line_time("2026-11-21T10:00:00.123Z ERROR x"), kTen);
  EXPECT_EQ(line_time("[2026-11-21 12:00:00,123+02:00] x"), kTen);
  EXPECT_EQ(line_time(R"({"level":"error","time":"2026-11-21T10:00:00Z"})"), kTen);
  EXPECT_EQ(line_time("2026-11-21 10:00:00 UTC x"), kTen);
  EXPECT_EQ(line_time("2026-11-21 04:30:00.5-0530 x"), kTen);
  EXPECT_TRUE(line_time("2026-11-21 10:00:00 of this machine"));
  EXPECT_FALSE(line_time("2026-99-99 10:00:00Z"));
  EXPECT_FALSE(line_time("10:00:00 x"));
  EXPECT_FALSE(line_time("2026-11-21T10:00"));
}

TEST(AppLog, TakesTheLastDayAndIsBounded) {
  // Goal: older lines are left out, a line without a time has that before it, endless and binary
  // lines, and too many, are cut (X5).
  const std::string text =
      "2026-11-19T10:00:00Z connect ECONNREFUSED 127.0.0.1:5432\n"
      "2026-11-21T10:00:00Z Traceback\n"
      "psycopg2.OperationalError: server closed the connection unexpectedly\n" +
      std::string(1U << 20U, '\xff') + " deadlock detected\n";
  const auto events = app_events(text, kTen - Seconds(86'400));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].at, kTen);
  EXPECT_EQ(events[0].trouble, AppTrouble::Closed);
  std::string many;
  for (std::size_t i = 0; i < 3 * kAppEventsMax; ++i) many += "deadlock detected\n";
  EXPECT_LE(app_events(many, kTen).size(), 2 * kAppEventsMax);
}

TEST(AppLog, ReadsNothingThatIsNoFile) {
  // Goal: a missing file, a directory, a pipe: said, and nobody hangs (X5).
  const test::TempDir dir;
  EXPECT_FALSE(read_app_log(dir.path() / "none", kTen).unavailable.empty());
  EXPECT_FALSE(read_app_log(dir.path(), kTen).unavailable.empty());
  EXPECT_FALSE(read_app_log("/dev/zero", kTen).unavailable.empty());
  std::ofstream(dir.path() / "log") << "2026-11-21T10:00:00Z deadlock detected\n";
  const auto log = read_app_log(dir.path() / "log", kTen);
  EXPECT_THAT(log.unavailable, IsEmpty());
  EXPECT_THAT(log.events, SizeIs(1));
  EXPECT_FALSE(log.cut);
}

}  // namespace
}  // namespace pgkeel::sense
