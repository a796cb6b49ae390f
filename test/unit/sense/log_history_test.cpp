// What a log tells of the last days: events, who removed something, files that were rotated.
#include "sense/log_history.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::sense {
namespace {

constexpr const char* kLog =
    "2026-11-21 10:00:00.000 UTC [7] app@shop LOG:  statement: DROP TABLE orders\n"
    "2026-11-21 10:00:01.000 UTC [7] app@shop LOG:  duration: 1.2 ms  statement: truncate carts\n"
    "2026-11-21 10:00:02.000 UTC [7] app@shop LOG:  execute s1: drop schema old cascade\n"
    "2026-11-21 10:00:03.000 UTC [7] app@shop LOG:  statement: select 'drop table x'\n"
    "2026-11-21 10:00:04.000 UTC [7] app@shop LOG:  statement: dropship()\n"
    "2026-11-21 10:00:05.000 UTC [8] LOG:  received fast shutdown request\n"
    "2026-11-19 10:00:05.000 UTC [8] LOG:  received smart shutdown request\n";

const WallTime kSince = *parse_iso8601("2026-11-20T00:00:00Z");

TEST(LogHistory, WhatRemovesIsTold) {
  // Goal: C6: in each form the server logs statements in; a string or a name that only looks like
  // it is not.
  const auto history = log_history(pg::ServerLogFormat::Stderr, kLog, kSince);
  ASSERT_EQ(history.destructions.size(), 3U);
  EXPECT_EQ(history.destructions[0].statement, "DROP TABLE orders");
  EXPECT_EQ(history.destructions[1].statement, "truncate carts");
  EXPECT_EQ(history.destructions[2].statement, "drop schema old cascade");
}

TEST(LogHistory, TheRecordOfDdlIsRead) {
  // Goal: C4: a line of the process it names; one that somebody else raised, or of before, is not.
  const std::string line =
      R"(LOG:  pgkeel-ddl 1 {"at": "2026-11-21T10:00:00.5Z", "db": "shop", "tag": "DROP TABLE", "pid": 7})";
  const auto history =
      log_history(pg::ServerLogFormat::Stderr,
                  "2026-11-21 10:00:00.000 UTC [7] " + line + "\n2026-11-21 10:00:01.000 UTC [8] " +
                      line + "\n2026-11-19 10:00:01.000 UTC [7] " + line + "\n",
                  kSince);
  ASSERT_EQ(history.ddl.size(), 1U);
  EXPECT_EQ(history.ddl[0].tag, "DROP TABLE");
}

TEST(LogHistory, ARecordOfDdlThatIsNotOfItsLineIsNone) {
  // Goal: C4: RAISE LOG is everybody's: who, where and when are what the server says of the line,
  // in each of its forms; a name that a prefix cannot hold whole is no reason.
  const auto told = [](std::string_view prefix, std::string_view login, std::string_view at) {
    const auto line = fmt::format(
        R"({}LOG:  pgkeel-ddl 1 {{"at": "2026-11-21T{}Z", "db": "shop", "tag": "DROP TABLE", "pid": 7, "login": "{}"}})",
        prefix, at, login);
    return log_history(pg::ServerLogFormat::Stderr, line + "\n", kSince).ddl.size();
  };
  const std::string at = "2026-11-21 10:00:00.000 UTC [7] ";
  EXPECT_EQ(told(at, "app", "10:00:00.5"), 1U) << "the prefix says nothing of who";
  EXPECT_EQ(told(at + "app@shop ", "app", "10:00:00.5"), 1U);
  EXPECT_EQ(told(at + "user=app,db=shop ", "app", "10:00:00.5"), 1U);
  EXPECT_EQ(told(at + "my app@shop ", "my app", "10:00:00.5"), 1U);
  EXPECT_EQ(told(at + "app@shop celery@host ", "app", "10:00:00.5"), 1U);
  EXPECT_EQ(told(at + "app@shop boss@shop ", "boss", "10:00:00.5"), 0U);
  EXPECT_EQ(told(at + "app@shop ", "boss", "10:00:00.5"), 0U);
  EXPECT_EQ(told(at + "app@shop ", "", "10:00:00.5"), 0U);
  EXPECT_EQ(told(at + "user=app,db=crm ", "app", "10:00:00.5"), 0U);
  EXPECT_EQ(told(at + "app@shop ", "app", "10:00:06"), 0U) << "of another time";
  EXPECT_EQ(told(at + "app@shop ", "app", "09:59:54"), 0U);
}

TEST(LogHistory, OlderLinesAreLeftOut) {
  // Goal: two days, not the life of the server.
  const auto history = log_history(pg::ServerLogFormat::Stderr, kLog, kSince);
  ASSERT_EQ(history.events.size(), 1U);
  EXPECT_EQ(history.events[0].signature, pg::Signature::ShutdownFast);
}

TEST(LogHistory, RotatedFilesAreReadInTheirOrder) {
  // Goal: A5: the night's words are in yesterday's file.
  test::TempDir dir;
  std::ofstream(dir / "postgresql-2026-11-20_000000.log")
      << "2026-11-21 01:00:00.000 UTC [8] LOG:  received smart shutdown request\n";
  std::ofstream(dir / "postgresql-2026-11-21_000000.log")
      << "2026-11-21 02:00:00.000 UTC [8] LOG:  received fast shutdown request\n";
  std::ofstream(dir / "other.csv") << "not a log of this form\n";
  std::filesystem::last_write_time(
      dir / "postgresql-2026-11-20_000000.log",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const auto history = read_log_history(dir / "postgresql-2026-11-21_000000.log", kSince);
  ASSERT_EQ(history.events.size(), 2U);
  EXPECT_EQ(history.events[0].signature, pg::Signature::ShutdownSmart);
  EXPECT_EQ(history.events[1].signature, pg::Signature::ShutdownFast);
  EXPECT_TRUE(history.unavailable.empty());
}

TEST(LogHistory, AnotherClustersLogIsNotRead) {
  // Goal: C6: Debian keeps every cluster's log, and the pooler's, in one directory.
  test::TempDir dir;
  const auto* shutdown = "2026-11-21 01:00:00.000 UTC [8] LOG:  received smart shutdown request\n";
  for (const auto* name : {"postgresql-14-main.log", "pgbouncer.log", "postgresql-15-main.log.2"})
    std::ofstream(dir / name) << shutdown;
  std::ofstream(dir / "postgresql-15-main.log")
      << "2026-11-21 02:00:00.000 UTC [8] LOG:  received fast shutdown request\n";
  std::ofstream(dir / "postgresql-15-main.log.1") << shutdown;
  const auto history = read_log_history(dir / "postgresql-15-main.log", kSince);
  EXPECT_EQ(history.events.size(), 2U);
}

TEST(LogHistory, AMissingLogSaysSo) {
  // Goal: no log is not a quiet log.
  test::TempDir dir;
  EXPECT_FALSE(read_log_history(dir / "none.log", kSince).unavailable.empty());
}

TEST(LogHistory, GarbageIsNoEvent) {
  // Goal: binary and endless lines: bounded, nothing named.
  std::string garbage(1U << 20U, '\xff');
  garbage += std::string("\n\0\0\n", 4);
  const auto history = log_history(pg::ServerLogFormat::Csv, garbage, kSince);
  EXPECT_TRUE(history.events.empty());
  EXPECT_TRUE(history.destructions.empty());
}

}  // namespace
}  // namespace pgkeel::sense
