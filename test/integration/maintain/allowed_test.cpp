// What must go on as if nothing were installed: maintenance, temporary tables, extensions,
// replication, a restore, pgkeel's own renames. And what the record says of each.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "integration/maintain/protected_server.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;

class AllowedTest : public ProtectedServer {
 protected:
  void SetUp() override {
    ProtectedServer::SetUp();
    if (IsSkipped()) return;
    switch_on();
    app_.emplace(as("app"));
    sql("create table t (id int primary key, note text);"
        "insert into t select n, 'row ' || n from generate_series(1, 100) n");
  }
  std::string sql(const std::string& statement) { return (*app_)(statement); }
  std::optional<Psql> app_;
};

TEST_P(AllowedTest, Maintenance) {
  // Goal: C4: what rewrites, sorts and refreshes drops nothing in anybody's sense.
  sql("create materialized view m as select * from t; create unique index m_id on m (id)");
  for (const auto* statement :
       {"refresh materialized view m", "refresh materialized view concurrently m", "vacuum full t",
        "cluster t using t_pkey", "reindex table t", "reindex table concurrently t",
        "create index concurrently t_note on t (note)", "drop index concurrently t_note",
        "alter table t add column extra int default 1",
        "alter table t alter column extra type bigint", "truncate t", "discard all"})
    EXPECT_EQ(app_->state_of(statement), "") << statement << ": " << app_->said();
  EXPECT_EQ(told("REFRESH MATERIALIZED VIEW"), 0) << "no DDL of a person's";
  EXPECT_EQ(told("pg_temp"), 0);
}

TEST_P(AllowedTest, TemporaryTables) {
  // Goal: C4: nobody else's business, and not on record either.
  sql("create temp table x (id int, b int); alter table x drop column b; drop table x");
  sql("begin; create temp table y (id int) on commit drop; commit");
  sql("create temp view z as select 1 as one; drop view z");
  sql("create temp table w as select 1 as one; discard temp");
  EXPECT_EQ(told("pg_temp"), 0) << server_->log();
}

TEST_P(AllowedTest, PartitionsAndRenames) {
  // Goal: C4 C2: a partition is detached, a table moved aside and back, as undrop does it.
  sql("create table p (id int) partition by range (id);"
      "create table p1 partition of p for values from (0) to (10);"
      "alter table p detach partition p1; alter table p attach partition p1 for values from (0) to "
      "(10)");
  if (GetParam() >= 14)
    EXPECT_EQ(app_->state_of("alter table p detach partition p1 concurrently"), "") << app_->said();
  sql("alter table t rename to t_aside; alter table t_aside rename to t;"
      "create schema aside; alter table t set schema aside; alter table aside.t set schema public");
  EXPECT_EQ(sql("select count(*) from t"), "100");
}

TEST_P(AllowedTest, ScriptsOfExtensions) {
  // Goal: C4: an extension may drop what is its own, in its script and with itself; what a user's
  // table would lose by it is refused.
  if (server_->query("select count(*) from pg_available_extensions where name = 'citext'") == "0")
    GTEST_SKIP() << "no contrib modules in this build";
  auto dba = as("postgres");
  dba("create extension citext");
  dba("create table names (id int, name citext)");
  EXPECT_EQ(dba.state_of("drop extension citext cascade"), kRefused) << dba.said();
  EXPECT_THAT(dba.said(), HasSubstr("table column public.names.name"));
  dba("alter table names alter column name type text");
  dba("drop extension citext");
  EXPECT_EQ(dba("select coalesce(current_setting('pgkeel.in_extension', true), '')"), "");
}

TEST_P(AllowedTest, ScriptsThatDropTables) {
  // Goal: C4: what an extension's own script drops is its business, and only for as long as it
  // runs; the extension goes with its tables.
  if (GetParam() < 18) GTEST_SKIP() << "only 18 reads extensions from a directory of the test's";
  const auto dir = server_->temp_dir() / "own" / "extension";
  std::filesystem::create_directories(dir);
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
  };
  write("probe.control", "default_version = '1'\nrelocatable = true\n");
  write("probe--1.sql",
        "create table first (id int); create table brief (id int); drop table brief;");
  write("probe--1--2.sql",
        "alter extension probe drop table first; drop table first;"
        "create table second (id int);");
  auto dba = as("postgres");
  dba("set extension_control_path = '" + (server_->temp_dir() / "own").string() + "'");
  EXPECT_EQ(dba.state_of("create extension probe"), "") << dba.said();
  EXPECT_EQ(dba.state_of("drop table t"), kRefused) << "the script is over";
  EXPECT_EQ(dba.state_of("alter extension probe update to '2'"), "") << dba.said();
  EXPECT_EQ(dba.state_of("drop table t"), kRefused);
  EXPECT_EQ(dba.state_of("drop extension probe"), "") << dba.said();
}

TEST_P(AllowedTest, LogicalReplication) {
  // Goal: C4: a subscriber that is protected receives rows, also a TRUNCATE.
  server_->query("create database copy");
  server_->query("create table t (id int primary key, note text)", "copy");
  switch_on("copy");
  server_->query("create publication p for table t", "shop");
  server_->query("select pg_create_logical_replication_slot('s', 'pgoutput')", "shop");
  server_->query("create subscription s connection '" + server_->conninfo("shop") +
                     "' publication p with (create_slot = false, slot_name = 's')",
                 "copy");
  const auto count = [this] { return server_->query("select count(*) from t", "copy"); };
  ASSERT_TRUE(wait_until([&] { return count() == "100"; }));
  sql("insert into t values (101, 'new')");
  ASSERT_TRUE(wait_until([&] { return count() == "101"; }));
  sql("truncate t");
  ASSERT_TRUE(wait_until([&] { return count() == "0"; }));
  server_->query("alter subscription s disable", "copy");
  server_->query("alter subscription s set (slot_name = none)", "copy");
  server_->query("drop subscription s", "copy");
}

TEST_P(AllowedTest, RestoreOverWhatIsThere) {
  // Goal: C4: pg_restore --clean is meant; it says who it is, and what it dropped is on record.
  if (GetParam() != 15) GTEST_SKIP() << "pg_dump and pg_restore are Debian's 15";
  const auto dump = server_->temp_dir() / "dump";
  const auto bin = server_->bin_dir();
  const auto shop = server_->conninfo("shop");
  const auto out = server_->temp_dir() / "out";
  run_child({bin / "pg_dump", "-Fc", "-f", dump, shop}, out);
  run_child({bin / "pg_restore", "--clean", "--if-exists", "--exit-on-error", "-t", "t", "-d", shop,
             dump},
            out);
  EXPECT_EQ(sql("select count(*) from t"), "100");
  EXPECT_EQ(told("allowed by pg_restore", "table public.t"), 1) << server_->log();
  run_child({bin / "pg_restore", "--clean", "--if-exists", "-d", shop, dump}, out);  // all of it
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state,
            maintain::Protection::State::On);
  EXPECT_EQ(as("app").state_of("drop table t"), kRefused);
}

TEST_P(AllowedTest, RecordsWithoutSecrets) {
  // Goal: C4 A7: who, from where, what and in which database is in the log whatever
  // log_min_messages says; no statement is, so no password and no value.
  auto dba = as("postgres", "application_name='the tool'");
  dba("create foreign data wrapper w; create server s foreign data wrapper w;"
      "create user mapping for app server s options (password 'geheim')");
  dba("create table lots as select 'geheim'::text as word");
  EXPECT_EQ(told("CREATE USER MAPPING", "\"app\": \"the tool\""), 1) << server_->log();
  EXPECT_EQ(told("CREATE TABLE AS", "\"addr\": \"127.0.0.1\""), 1);
  EXPECT_THAT(server_->log(), testing::Not(HasSubstr("geheim")));
  dba("set role app; create table of_app (id int)");
  EXPECT_EQ(told("table public.of_app", "\"role\": \"app\""), 1);
  EXPECT_EQ(dba("show log_min_messages"), "panic");
}

TEST_P(AllowedTest, ManyObjectsAreCut) {
  // Goal: C4: a line is bounded however much one statement drops.
  for (int n = 0; n < 60; ++n)
    sql("create table \"" + std::string(60, 'x') + std::to_string(n) + "\" (id int)");
  auto dba = as("postgres");
  dba("set pgkeel.allow_drop = 'on'; drop owned by app");
  EXPECT_EQ(told("\"count\": 61", "DROP OWNED"), 1) << server_->log();
}

PGKEEL_FOR_EVERY_MAJOR(AllowedTest);

}  // namespace
}  // namespace pgkeel::test
