// The gate over the WAL of real servers: what stops a shadow, where, and what does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "client/replication.hpp"
#include "integration/pg/majors.hpp"
#include "integration/pg/wal_files.hpp"
#include "shadow/gate/gate.hpp"

namespace pgkeel::test {
namespace {

using namespace std::chrono_literals;
using shadow::Gate;
using shadow::Hold;
using shadow::HoldKind;
using testing::Contains;
using testing::IsEmpty;

struct Passed {
  std::vector<Hold> holds;
  Lsn limit;       ///< how far the shadow may go right behind the last record
  Lsn limit_late;  ///< and once everybody's time is over
};

class GateLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    auto with = options();
    with.settings = {
        {"max_prepared_transactions", "2"}, {"wal_keep_size", "1GB"}, {"autovacuum", "off"}};
    server_.emplace(with);
    server_->query("create table orders (id int primary key, note text)");
    server_->query("insert into orders select i, 'x' from generate_series(1, 2000) i");
    server_->query("create table items (id int)");
    server_->query("insert into items values (1)");
  }
  // What the gate says of what these statements write, each of them sent by itself.
  Passed of(const std::vector<std::string>& statements) {
    const auto from = wal_position(*server_);
    for (const auto& statement : statements) server_->query(statement);
    return between(from, flushed_position(*server_));
  }
  // A record a millisecond, as if it had just been written; `pause` once behind that position.
  Passed between(Lsn from, Lsn to, Lsn pause_at = {}, Millis pause = {}) {
    Gate gate({.bounds = {}, .passed = from, .released = {}}, GetParam());
    SteadyTime now{};
    for_each_record(*server_, GetParam(), {from, to}, [&](const pg::WalRecord& record) {
      if (pause_at.valid() && record.start >= pause_at) {
        now += pause;
        pause_at = {};
        static_cast<void>(gate.limit(now));
      }
      pg::WalContents contents;
      ASSERT_TRUE(contents.read(record, GetParam()));
      const auto meaning = pg::meaning_of(record, contents, GetParam());
      ASSERT_TRUE(meaning);
      gate.read(record, *meaning, now);
      static_cast<void>(gate.limit(now));
      now += 10us;
    });
    Passed passed{{gate.holds().begin(), gate.holds().end()}, gate.limit(now), {}};
    passed.limit_late = gate.limit(now + 10s);
    return passed;
  }
  std::uint32_t number(const std::string& sql) {
    return static_cast<std::uint32_t>(std::stoul(server_->query(sql)));
  }
  std::optional<PostgresServer> server_;
};
PGKEEL_FOR_EVERY_MAJOR(GateLive);

TEST_P(GateLive, WhatEndsFilesIsHeldBeforeItsFirstLock) {
  // Goal: X1: DROP TABLE, also within a savepoint that is kept, DROP SCHEMA, TRUNCATE and a DROP
  // that was prepared are held at a point before which everybody else's commits lie, and behind
  // which nothing was given (13 to 18).
  server_->query("create schema shop create table a (id int) create table b (id int)");
  const auto expect_held = [&](const std::vector<std::string>& statements, const char* relation) {
    SCOPED_TRACE(statements.back());
    const Oid oid(number(fmt::format("select '{}'::regclass::oid", relation)));
    const auto before = wal_position(*server_);
    const auto passed = of(statements);
    ASSERT_EQ(passed.holds.size(), 1U);
    const auto& hold = passed.holds.front();
    EXPECT_EQ(hold.kind, HoldKind::Files);
    EXPECT_TRUE(hold.readable);
    EXPECT_TRUE(hold.locks.contains(oid));
    EXPECT_FALSE(hold.files.empty());
    EXPECT_GE(hold.before, before);
    EXPECT_LT(hold.before, hold.decided);
    EXPECT_EQ(passed.limit_late, shadow::end_before(hold.before));
  };
  expect_held({"truncate orders"}, "orders");
  expect_held({"begin; savepoint s; drop table items; release s; commit"}, "items");
  expect_held({"drop schema shop cascade"}, "shop.b");
  expect_held({"begin; drop table orders; prepare transaction 'later'", "commit prepared 'later'"},
              "orders");
}

TEST_P(GateLive, WhatWasCommittedMeanwhileIsGiven) {
  // Goal: X1: a transaction writes, another commits, the first one drops: the shadow is given the
  // other's commit, which it would lose if it stopped at the first record of the one that drops.
  auto first = client::ReplicationSession::open(*pg::parse_conninfo(server_->conninfo()),
                                                {.mode = client::ReplicationMode::Sql});
  ASSERT_TRUE(first) << first.error().message();
  const auto from = wal_position(*server_);
  ASSERT_TRUE(first->run("begin"));
  ASSERT_TRUE(first->run("insert into items values (2)"));
  server_->query("insert into items values (3)");
  const auto committed = wal_position(*server_);
  ASSERT_TRUE(first->run("drop table orders"));
  ASSERT_TRUE(first->run("commit"));
  const auto passed = between(from, flushed_position(*server_));
  ASSERT_EQ(passed.holds.size(), 1U);
  EXPECT_TRUE(passed.holds[0].readable);
  EXPECT_GE(passed.limit_late, committed);
}

TEST_P(GateLive, WhatDestroysNothingIsNotHeld) {
  // Goal: X1: what locks and ends no file, makes and drops its own, is rolled back or temporary
  // does not stop the shadow beyond the moment its fate is open.
  const auto passed = of(
      {"create table fresh (id int)", "create index on fresh (id)", "create view v as select 1",
       "alter table fresh add column more int", "alter table fresh drop column more",
       "create or replace view v as select 1", "drop view v", "begin; drop table orders; rollback",
       "begin; savepoint s; drop table orders; rollback to s; insert into items values (9); "
       "commit",
       "begin; create table gone (id int); insert into gone values (1); drop table gone; commit",
       "create temporary table t (id int) on commit drop", "vacuum items",
       "begin; lock table orders; commit", "delete from items where id = 9",
       "begin; drop table items; prepare transaction 'no'", "rollback prepared 'no'"});
  for (const auto& hold : passed.holds)
    ADD_FAILURE() << to_string(hold.kind) << " of " << hold.files.size() << " files at "
                  << to_string(hold.before);
  EXPECT_EQ(passed.limit, passed.limit_late);
  EXPECT_EQ(passed.limit, wal_position(*server_));
}

TEST_P(GateLive, ManyRowsAreHeldBeforeTheCommit) {
  // Goal: X1: a DELETE or UPDATE of very many rows of one table is held before it commits, over
  // savepoints; few rows are not.
  const auto table = number("select pg_relation_filenode('orders')");
  const auto passed =
      of({"begin; delete from orders where id <= 600; savepoint s; delete from "
          "orders where id <= 1200; commit",
          "delete from orders where id <= 1300", "update orders set note = 'y'",
          "begin; delete from orders; rollback"});
  ASSERT_EQ(passed.holds.size(), 1U);
  EXPECT_EQ(passed.holds[0].kind, HoldKind::Rows);
  EXPECT_EQ(passed.holds[0].before, passed.holds[0].decided);
  ASSERT_EQ(passed.holds[0].rows.size(), 1U);
  EXPECT_EQ(passed.holds[0].rows.begin()->first.number.value, table);
  EXPECT_EQ(passed.holds[0].rows.begin()->second.deleted, 1200U);
}

TEST_P(GateLive, ADatabaseIsHeldBeforeItIsMarkedInvalid) {
  // Goal: X1: DROP DATABASE marks the database's row before it removes a file: held after the mark
  // nobody can connect any more; also where the mark is in the image of a page.
  for (const bool image : {false, true}) {
    SCOPED_TRACE(image);
    server_->query("create database doomed");
    const Oid oid(number("select oid from pg_database where datname = 'doomed'"));
    if (image) server_->query("checkpoint");
    const auto from = wal_position(*server_);
    const auto passed = of({"drop database doomed"});
    ASSERT_EQ(passed.holds.size(), 1U);
    EXPECT_EQ(passed.holds[0].kind, HoldKind::Database);
    EXPECT_EQ(passed.holds[0].database, oid);
    EXPECT_GE(passed.holds[0].before, from);
    EXPECT_LT(passed.holds[0].before, passed.holds[0].decided);
  }
}

TEST_P(GateLive, ALongTransactionIsWaitedForNoLongerThanItsBound) {
  // Goal: X1: a lock whose transaction goes on for longer goes through; what it drops is held
  // before its commit, and said to be locked there.
  const auto from = wal_position(*server_);
  server_->query(
      "begin; drop table items; select pg_sleep(0.1); "
      "select pg_logical_emit_message(false, 'later', 'x'); commit");
  const auto to = flushed_position(*server_);
  const auto at_once = between(from, to);
  ASSERT_EQ(at_once.holds.size(), 1U);
  EXPECT_TRUE(at_once.holds[0].readable);
  const Lsn commit = at_once.holds[0].decided;
  const auto late = between(from, to, Lsn(commit.value - 1), 2s);
  ASSERT_EQ(late.holds.size(), 1U);
  EXPECT_FALSE(late.holds[0].readable);
  EXPECT_EQ(late.holds[0].before, commit);
}

TEST_P(GateLive, TwoDestructionsAreTwoHoldsAndOneMayBeReleased) {
  // Goal: X1: a second destruction while the first is held is found; releasing one keeps the other.
  const auto from = wal_position(*server_);
  server_->query("drop table items");
  server_->query("create table items (id int)");
  server_->query("drop table items");
  const auto to = flushed_position(*server_);
  Gate gate({.bounds = {}, .passed = from, .released = {}}, GetParam());
  for_each_record(*server_, GetParam(), {from, to}, [&](const pg::WalRecord& record) {
    pg::WalContents contents;
    ASSERT_TRUE(contents.read(record, GetParam()));
    gate.read(record, *pg::meaning_of(record, contents, GetParam()), SteadyTime());
  });
  ASSERT_EQ(gate.holds().size(), 2U);
  const auto first = gate.holds()[0].before;
  const auto second = gate.holds()[1].before;
  EXPECT_EQ(gate.limit(SteadyTime() + 1h), shadow::end_before(first));
  gate.release(gate.holds()[0].decided);
  EXPECT_EQ(gate.limit(SteadyTime() + 1h), shadow::end_before(second));
  gate.release(gate.holds()[0].decided);
  EXPECT_EQ(gate.limit(SteadyTime() + 1h), to);
  EXPECT_EQ(gate.released().size(), 2U);
}

}  // namespace
}  // namespace pgkeel::test
