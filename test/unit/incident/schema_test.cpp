#include "incident/schema.hpp"

#include <array>

#include <gtest/gtest.h>
#include "scratch_dir.hpp"

namespace pgkeel::incident {
namespace {

constexpr auto kFirst = std::to_array<const char*>({"CREATE TABLE a (x INTEGER)"});
constexpr auto kSecond = std::to_array<const char*>(
    {"CREATE TABLE a (x INTEGER)", "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7"});
constexpr auto kBroken = std::to_array<const char*>(
    {"CREATE TABLE a (x INTEGER)", "CREATE TABLE b (x INTEGER); CREATE TABLE b (x INTEGER)"});

std::unique_ptr<Database> open(const ScratchDir& dir) {
  return Database::open(dir / "a.db", Durability::EveryCommit).value();
}

std::int64_t number(Database& database, std::string_view sql) {
  return collect_one(database.query(sql), [](const Statement& row) { return row.integer(0); })
      .value()
      .value();
}

TEST(Schema, MovesForwardAndKeepsRows) {
  // A file of an older version takes the missing steps only, with its rows.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(migrate(*database, kFirst));
  ASSERT_TRUE(database->run("INSERT INTO a VALUES (1)"));
  ASSERT_TRUE(migrate(*database, kSecond));
  EXPECT_EQ(number(*database, "SELECT y FROM a WHERE x = 1"), 7);
  EXPECT_EQ(number(*database, "PRAGMA user_version"), 2);
  ASSERT_TRUE(migrate(*database, kSecond));
}

TEST(Schema, RefusesANewerFile) {
  // An older program does not touch what a newer one wrote.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(migrate(*database, kSecond));
  EXPECT_EQ(migrate(*database, kFirst).error().code, ErrorCode::WrongState);
  EXPECT_EQ(require_schema(*database, kFirst).error().code, ErrorCode::WrongState);
  EXPECT_EQ(number(*database, "PRAGMA user_version"), 2);
}

TEST(Schema, AReaderWantsTheExactVersion) {
  // A reader changes nothing, so it says to start the guard when the file is older.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(migrate(*database, kFirst));
  EXPECT_TRUE(require_schema(*database, kFirst));
  EXPECT_EQ(require_schema(*database, kSecond).error().code, ErrorCode::WrongState);
}

TEST(Schema, AFailedStepLeavesTheFileAsItWas) {
  // Steps and version are one transaction.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(migrate(*database, kFirst));
  EXPECT_FALSE(migrate(*database, kBroken));
  EXPECT_EQ(number(*database, "PRAGMA user_version"), 1);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST(Schema, RefusesAStrangersFile) {
  // A SQLite file with somebody else's tables is not taken over.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(database->run_script("CREATE TABLE mine (x INTEGER)"));
  EXPECT_EQ(migrate(*database, state_schema()).error().code, ErrorCode::WrongState);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(Schema, AFullDatabaseIsAFullDisk) {
  // SQLITE_FULL comes back as DiskFull and the transaction is undone.
  const ScratchDir dir;
  auto database = open(dir);
  ASSERT_TRUE(migrate(*database, kFirst));
  ASSERT_TRUE(database->run_script("PRAGMA max_page_count=4"));
  const auto full = database->run("INSERT INTO a VALUES (?)", std::string(100'000, 'x'));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::DiskFull);
  EXPECT_EQ(number(*database, "SELECT count(*) FROM a"), 0);
}

}  // namespace
}  // namespace pgkeel::incident
