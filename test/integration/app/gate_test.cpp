// What a shadow is kept from, over real servers and processes: it stands before a destruction, can
// be read there, and goes on when it may.
#include "integration/app/gate_scene.hpp"

#include "client/replication.hpp"
#include "integration/pg/majors.hpp"
#include "shadow/gate/status.hpp"

namespace pgkeel::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class GateProcess : public GateScene {};

TEST_F(GateProcess, KeepsTheShadowBeforeADrop) {
  // Goal: X1: a table that is dropped under load is whole on the shadow and can be read there,
  // whatever is committed behind it; who committed before is there too.
  server_.query("create table others (id int)");
  server_.query("insert into others values (1)");
  server_.query("drop table orders");
  for (int i = 0; i < 50; ++i) server_.query("insert into others values (2)");
  ASSERT_TRUE(is_lost("orders dropped kept")) << gate().dump(2);
  EXPECT_EQ(ask("select count(*), count(note) from orders"), "1000|1000");
  EXPECT_EQ(ask("select count(*) from others"), "1");
  const auto entry = entries().at(0);
  EXPECT_EQ(entry["destroyed"]["database"], "postgres");
  EXPECT_TRUE(has_all(Seconds(1)) == false);
  EXPECT_EQ(status().value("state", ""), "following");
}

TEST_F(GateProcess, NamesWhatWasLost) {
  // Goal: X1: TRUNCATE, a mass DELETE, a mass UPDATE, DROP SCHEMA with all it held, DROP DATABASE:
  // each is kept from the shadow and told by name, one behind the other.
  server_.query("create schema shop");
  server_.query("create table shop.a as select generate_series(1, 5000) as id");
  server_.query("create table shop.b as select 1 as id");
  server_.query("create database other");
  server_.query("analyze");
  ASSERT_TRUE(has_all());
  server_.query("delete from shop.a where id > 2000");
  ASSERT_TRUE(is_lost("a deleted kept")) << gate().dump(2);
  EXPECT_EQ(ask("select count(*) from shop.a"), "5000");
  server_.query("truncate orders");
  ASSERT_TRUE(is_lost("orders truncated kept")) << gate().dump(2);
  server_.query("drop schema shop cascade");
  ASSERT_TRUE(is_lost("b dropped kept")) << gate().dump(2);
  ASSERT_TRUE(is_lost("a dropped kept")) << gate().dump(2);
  server_.query("drop database other");
  ASSERT_TRUE(is_lost("other")) << gate().dump(2);
  EXPECT_EQ(ask("select count(*) from orders"), "1000");
}

TEST_F(GateProcess, GoesOnBehindWhatDestroysNothing) {
  // Goal: X1: what writes a relation anew with its rows, ends indexes, sequences, views, temporary
  // tables or its own, and changes that are small for the table, do not keep the shadow.
  server_.query(
      "create table wide as select i as id, repeat('x', 100) as t from "
      "generate_series(1, 20000) i");
  server_.query("create index on wide (id)");
  server_.query("create materialized view m as select * from wide");
  server_.query("create sequence s");
  server_.query("create unlogged table u as select 1 as id");
  server_.query("analyze");
  for (const auto* statement :
       {"vacuum full wide", "alter table orders alter column id type bigint", "reindex table wide",
        "refresh materialized view m", "cluster orders using orders_pkey",
        "alter sequence s restart", "drop sequence s", "drop index wide_id_idx",
        "delete from wide where id <= 2000", "update wide set t = 'y' where id <= 4000",
        "begin; create table gone as select 1; drop table gone; commit",
        "create temporary table t as select 1", "drop table u", "vacuum wide"}) {
    server_.query(statement);
    ASSERT_TRUE(has_all()) << statement << gate().dump(2);
  }
  EXPECT_THAT(lost(), IsEmpty()) << gate().dump(2);
}

TEST_F(GateProcess, KeepsWhatItKeptWhenItIsKilled) {
  // Goal: X1: the shadow's process is killed while it keeps two destructions: the next one keeps
  // them; one that is released stays released, also when it is killed again.
  server_.query("create table items as select generate_series(1, 100) as id");
  ASSERT_TRUE(has_all());
  server_.query("drop table orders");
  server_.query("drop table items");
  ASSERT_TRUE(is_lost("orders dropped kept")) << gate().dump(2);
  ASSERT_TRUE(is_lost("items dropped kept")) << gate().dump(2);
  const auto again = [&] {
    shadow_->kill();
    start_shadow();
    ASSERT_TRUE(wait_until([&] { return !ask("select 1").empty(); }, kBuildPatience));
  };
  ASSERT_NO_FATAL_FAILURE(again());
  EXPECT_EQ(ask("select count(*) from orders"), "1000");
  const auto first = *parse_lsn(entries().at(0).value("decided", ""));
  ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state", {first, {}}));
  ASSERT_TRUE(
      wait_until([&] { return ask("select to_regclass('orders') is null") == "t"; }, Seconds(30)))
      << gate().dump(2);
  ASSERT_NO_FATAL_FAILURE(again());
  EXPECT_EQ(ask("select count(*) from items"), "100");
  EXPECT_EQ(ask("select to_regclass('orders') is null"), "t");
  EXPECT_THAT(lost(), Contains("orders dropped released"));
  EXPECT_THAT(lost(), Contains("items dropped kept"));
}

TEST_F(GateProcess, HeedsWhatWasAskedWhileItWasDown) {
  // Goal: X1: what is to be released when the shadow's process does not run is released by the next
  // one, before it has read the WAL again.
  server_.query("drop table orders");
  ASSERT_TRUE(is_lost("orders dropped kept")) << gate().dump(2);
  const auto decided = *parse_lsn(entries().at(0).value("decided", ""));
  shadow_.reset();
  ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state", {decided, {}}));
  start_shadow();
  EXPECT_TRUE(has_all()) << gate().dump(2);
  EXPECT_THAT(lost(), Contains("orders dropped released"));
}

TEST_F(GateProcess, KeepsWhatBeganLongBeforeWhenItIsKilled) {
  // Goal: X1: a transaction deletes all rows, then writes three segments of others, and is kept
  // from the shadow: so it is when the shadow's process was killed and reads only the end of it
  // again.
  server_.query("create table much as select i as id from generate_series(1, 5000) i");
  server_.query("create table filler (t text)");
  server_.query("analyze much");
  ASSERT_TRUE(has_all());
  server_.query(
      "begin; delete from much; insert into filler select repeat(md5(i::text), 20) from "
      "generate_series(1, 70000) i; commit");
  ASSERT_TRUE(is_lost("much deleted kept")) << gate().dump(2);
  shadow_->kill();
  start_shadow();
  ASSERT_TRUE(wait_until([&] { return !ask("select 1").empty(); }, kBuildPatience));
  server_.query("create table later (id int)");
  ASSERT_FALSE(has_all(Seconds(3))) << gate().dump(2) << status().dump(2);
  EXPECT_EQ(ask("select count(*) from much"), "5000");
  EXPECT_THAT(lost(), Contains("much deleted kept"));
}

TEST_F(GateProcess, JudgesNothingHarmlessFromAnOlderPicture) {
  // Goal: X1: what was empty, or not there yet, where the shadow stands, is filled and then lost
  // behind that: it is kept, and named when the shadow comes there.
  server_.query("create table late (id int)");
  ASSERT_TRUE(has_all());
  server_.query("drop table orders");
  server_.query("insert into late select generate_series(1, 500)");
  server_.query("truncate late");
  server_.query("create table later as select generate_series(1, 300) as id");
  server_.query("begin; alter table late add more int; drop table later; commit");
  ASSERT_TRUE(is_lost("orders dropped kept")) << gate().dump(2);
  const auto let_go = [&](const char* name) {
    for (const auto& entry : entries())
      if (entry["end"] == "kept" && entry["destroyed"]["relations"][0]["name"] == name)
        ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state",
                                            {*parse_lsn(entry.value("decided", "")), {}}));
  };
  let_go("orders");
  ASSERT_TRUE(is_lost("late truncated kept")) << gate().dump(2);
  EXPECT_EQ(ask("select count(*) from late"), "500");
  let_go("late");
  ASSERT_TRUE(is_lost("later dropped kept")) << gate().dump(2);
  ASSERT_TRUE(wait_until([&] { return ask("select count(*) from later") == "300"; }, Seconds(20)));
}

TEST_F(GateProcess, GoesOnWhenTheTimeIsOver) {
  // Goal: X1: shadow.hold bounds how far it stays behind; what was lost stays in the list.
  begin("2s");
  server_.query("drop table orders");
  ASSERT_TRUE(is_lost("orders dropped kept") || is_lost("orders dropped expired"));
  ASSERT_TRUE(has_all()) << gate().dump(2);
  EXPECT_THAT(lost(), Contains("orders dropped expired"));
}

TEST_F(GateProcess, DoesNotStallBehindALongTransaction) {
  // Goal: X1: a transaction that drops and goes on for long does not keep others' commits from the
  // shadow; what it dropped is told when it commits, and does not keep the shadow either.
  auto session = client::ReplicationSession::open(*pg::parse_conninfo(server_.conninfo()),
                                                  {.mode = client::ReplicationMode::Sql});
  ASSERT_TRUE(session) << session.error().message();
  server_.query("create table others (id int)");
  ASSERT_TRUE(session->run("begin"));
  ASSERT_TRUE(session->run("drop table orders"));
  server_.query("insert into others values (1)");
  EXPECT_TRUE(has_all(Seconds(10))) << gate().dump(2);
  ASSERT_TRUE(session->run("commit"));
  EXPECT_TRUE(is_lost("orders dropped locked")) << gate().dump(2);
  EXPECT_TRUE(has_all(Seconds(10)));
}

PostgresOptions of_major(int major) {
  PostgresOptions options;
  const auto bin_dir = bin_dir_of(major);
  if (!bin_dir) return options;  // skipped
  options.bin_dir = *bin_dir;
  options.major = major;
  return options;
}

class GateOfMajor : public GateScene, public testing::WithParamInterface<int> {
 protected:
  GateOfMajor() : GateScene(of_major(GetParam())) {}
  void SetUp() override {
    if (!bin_dir_of(GetParam())) GTEST_SKIP() << "not installed: run tools/other-majors";
    GateScene::SetUp();
  }
};
PGKEEL_FOR_EVERY_MAJOR(GateOfMajor);

TEST_P(GateOfMajor, KeepsAndLetsGo) {
  // Goal: X1: a standby of 13 to 18 stands before a DROP behind a switch of the segment, where only
  // a page's header lies before it, is read there, survives the shadow's death and goes on when it
  // may; a table that is written anew does not keep it.
  server_.query("vacuum full orders");
  server_.query("select pg_switch_wal()");
  ASSERT_TRUE(has_all()) << gate().dump(2) << status().dump(2);
  server_.query("drop table orders");
  ASSERT_TRUE(is_lost("orders dropped kept")) << gate().dump(2);
  shadow_->kill();
  start_shadow();
  ASSERT_TRUE(
      wait_until([&] { return ask("select count(*) from orders") == "1000"; }, kBuildPatience))
      << gate().dump(2) << status().dump(2);
  const auto decided = *parse_lsn(entries().at(0).value("decided", ""));
  ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state", {decided, {}}));
  EXPECT_TRUE(has_all()) << gate().dump(2) << status().dump(2);
}

}  // namespace
}  // namespace pgkeel::test
