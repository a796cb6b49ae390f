// The judge over real servers: a standby that stands before the change, the primary behind it, and
// what the gate made of the WAL between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include <fmt/format.h>

#include "client/replication.hpp"
#include "integration/pg/majors.hpp"
#include "integration/pg/wal_files.hpp"
#include "shadow/gate/judge.hpp"
#include "support/child.hpp"

namespace pgkeel::test {
namespace {

using shadow::Gate;
using shadow::Hold;
using shadow::Judgement;
using shadow::Verdict;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class JudgeLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    auto with = options();
    with.settings = {{"wal_keep_size", "1GB"}, {"autovacuum", "off"}, {"hot_standby", "on"}};
    primary_.emplace(with);
    primary_->query("create database other");
    primary_->query(
        "create table orders as select i as id, 'x' as note from generate_series(1, "
        "3000) i");
    primary_->query("create index on orders (id)");
    primary_->query("create table items as select 1 as id");
    primary_->query("create table empty_one (id int)");
    primary_->query("create table wide as select generate_series(1, 3000) as id");
    primary_->query("create unlogged table quick as select 1 as id");
    primary_->query("create materialized view m as select * from orders");
    primary_->query("create table parts (id int) partition by range (id)");
    primary_->query("create table parts_1 partition of parts for values from (0) to (10)");
    primary_->query("insert into parts values (1)");
    primary_->query("analyze");
    primary_->stop();
    auto copy = with;
    copy.copy_of = primary_->data_dir();
    copy.start = FirstStart::No;
    standby_.emplace(copy);
    primary_->start();
    const auto mark = standby_->data_dir() / "standby.signal";
    std::ofstream(mark).close();
    give_to_server(mark);
    standby_->append_config(fmt::format("primary_conninfo = 'host={} port={} user=postgres'\n",
                                        primary_->socket_dir().string(), primary_->port()));
    standby_->start();
  }
  // The standby has everything, and gets nothing more.
  void stand_still() {
    standby_->query("select pg_wal_replay_resume()");
    const auto end = to_string(flushed_position(*primary_));
    ASSERT_TRUE(wait_until(
        [&] { return standby_->query("select pg_last_wal_replay_lsn() >= '" + end + "'") == "t"; },
        kPatience));
    standby_->query("select pg_wal_replay_pause()");
  }
  // What the gate holds of that statement alone.
  std::vector<Hold> held(const std::string& statement) {
    stand_still();
    const auto from = wal_position(*primary_);
    primary_->query(statement);
    const auto to = flushed_position(*primary_);
    Gate gate({.bounds = {}, .passed = from, .released = {}}, GetParam());
    for_each_record(*primary_, GetParam(), {from, to}, [&](const pg::WalRecord& record) {
      pg::WalContents contents;
      ASSERT_TRUE(contents.read(record, GetParam()));
      gate.read(record, *pg::meaning_of(record, contents, GetParam()), SteadyTime());
    });
    return {gate.holds().begin(), gate.holds().end()};
  }
  Judgement judge(const std::string& statement) {
    auto holds = held(statement);
    EXPECT_EQ(holds.size(), 1U) << statement;
    if (holds.empty()) return {};
    // A shadow would have been given what comes before the lock, which is nothing to the judge.
    holds.front().before = *parse_lsn(standby_->query("select pg_last_wal_replay_lsn()"));
    const auto to = [](PostgresServer& server) {
      return [&server](const std::string& database) {
        return client::ReplicationSession::open(*pg::parse_conninfo(server.conninfo(database)),
                                                {.mode = client::ReplicationMode::Sql});
      };
    };
    const auto judged = shadow::judge(holds.front(), {to(*standby_), to(*primary_)});
    EXPECT_TRUE(judged) << statement << ": " << judged.error().message();
    return judged.value_or(Judgement{});
  }
  std::vector<std::string> lost(const std::string& statement) {
    std::vector<std::string> names;
    const auto judged = judge(statement);
    EXPECT_EQ(judged.verdict, Verdict::Destroyed) << statement;
    for (const auto& relation : judged.destruction.relations)
      names.push_back(
          fmt::format("{}.{} {}", relation.schema, relation.name, to_string(relation.loss)));
    return names;
  }

  std::optional<PostgresServer> primary_;
  std::optional<PostgresServer> standby_;
};
PGKEEL_FOR_EVERY_MAJOR(JudgeLive);

TEST_P(JudgeLive, NamesWhatIsLost) {
  // Goal: X1: a drop, with the partitions and by CASCADE, a truncation, also of a partitioned
  // table, a mass deletion and a dropped database are told by name (13 to 18).
  EXPECT_THAT(lost("truncate parts"),
              UnorderedElementsAre("public.parts truncated", "public.parts_1 truncated"));
  primary_->query("insert into parts values (2)");
  EXPECT_THAT(lost("delete from orders where id > 1000"), ElementsAre("public.orders deleted"));
  EXPECT_THAT(lost("begin; delete from wide; truncate empty_one; commit"),
              ElementsAre("public.wide deleted"));
  EXPECT_THAT(lost("drop table parts"),
              UnorderedElementsAre("public.parts dropped", "public.parts_1 dropped"));
  EXPECT_THAT(lost("begin; drop materialized view m; drop table orders; commit"),
              UnorderedElementsAre("public.orders dropped", "public.m dropped"));
  EXPECT_THAT(lost("drop table items"), ElementsAre("public.items dropped"));
  const auto database = judge("drop database other");
  EXPECT_EQ(database.verdict, Verdict::Destroyed);
  EXPECT_TRUE(database.destruction.whole);
  EXPECT_EQ(database.destruction.database, "other");
}

TEST_P(JudgeLive, KnowsWhatIsHarmless) {
  // Goal: X1: what is written anew with its rows, indexes, what was empty, what a standby cannot
  // read and changes to few rows are no loss (13 to 18).
  for (const auto* statement :
       {"vacuum full orders", "reindex table orders", "alter table items alter id type bigint",
        "refresh materialized view m", "drop index orders_id_idx", "truncate empty_one",
        "drop table quick", "update orders set note = 'y' where id <= 1200"})
    EXPECT_EQ(judge(statement).verdict, Verdict::Harmless) << statement;
}

TEST_P(JudgeLive, TellsThatTheShadowHasGoneBy) {
  // Goal: X1: a shadow that has replayed the change keeps nothing.
  const auto holds = held("drop table items");
  ASSERT_EQ(holds.size(), 1U);
  const auto of_primary = [&](const std::string& database) {
    return client::ReplicationSession::open(*pg::parse_conninfo(primary_->conninfo(database)),
                                            {.mode = client::ReplicationMode::Sql});
  };
  const auto of_standby = [&](const std::string& database) {
    return client::ReplicationSession::open(*pg::parse_conninfo(standby_->conninfo(database)),
                                            {.mode = client::ReplicationMode::Sql});
  };
  standby_->query("select pg_wal_replay_resume()");
  ASSERT_TRUE(wait_until(
      [&] { return standby_->query("select to_regclass('items') is null") == "t"; }, kPatience));
  const auto judged = shadow::judge(holds.front(), {of_standby, of_primary});
  ASSERT_TRUE(judged) << judged.error().message();
  EXPECT_EQ(judged->verdict, Verdict::Passed);
}

}  // namespace
}  // namespace pgkeel::test
