// Bringing back what the shadow was kept from: out of the shadow itself, while everything else goes
// on. Every test ends by comparing the whole database with what it was, schema and rows.
#include "integration/app/held_scene.hpp"

#include "client/replication.hpp"
#include "incident/ddl_trail.hpp"
#include "incident/store.hpp"
#include "shadow/gate/status.hpp"

namespace pgkeel::test {
namespace {

using testing::Contains;
using testing::Not;

TEST_F(UndropHeld, ATableComesBackWithAllThatBelongedToIt) {
  // Goal: X1: definition, rows (also long ones), indexes, checks, identity, foreign keys both ways,
  // owner, rights, comments, policy, trigger, rule, publication, statistics, views: all as it was;
  // what others did meanwhile stays, and the shadow goes on.
  in_shop("drop table orders cascade");
  in_shop("insert into customers values (11, 'meanwhile')");
  auto done = undrop("shop.public.orders");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["rows"], 200);
  EXPECT_EQ(in_shop("delete from customers where id = 11 returning name"), "meanwhile");
  EXPECT_TRUE(released("orders dropped")) << gate().dump(2);
  EXPECT_TRUE(has_all());
  EXPECT_EQ(picture(), before_) << done.dump(2);
}

TEST_F(UndropHeld, ASchemaComesBackWithAllItHeld) {
  // Goal: X1: DROP SCHEMA CASCADE: tables, types, views, foreign keys and sequences of it.
  in_shop("drop schema sales cascade");
  auto done = undrop("shop.sales.a");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_TRUE(released("a dropped"));
  in_shop("alter table orders add column price sales.amount");  // went with the domain's CASCADE
  EXPECT_EQ(in_shop("select count(*) from sales.both"), "30");
  EXPECT_EQ(in_shop("select nextval('sales.a_id_seq') > 30"), "t");
}

TEST_F(UndropHeld, ADatabaseComesBackWhole) {
  // Goal: X1: DROP DATABASE: all that was in it, large objects too, its owner, rights, settings,
  // limit and comment. What is unlogged is on no standby: it comes back empty.
  in_shop("truncate scratch_pad; select lo_from_bytea(4711, 'large')");
  server_.query("alter database shop owner to app; alter database shop connection limit 17");
  server_.query("alter database shop set search_path to public, sales");
  server_.query("alter role app in database shop set work_mem to '7MB'");
  server_.query("revoke all on database shop from public; grant connect on database shop to app");
  server_.query("comment on database shop is 'the shop''s'");
  const auto about = [this] {
    return server_.query(
        "select (to_jsonb(d) - '{oid,datfrozenxid,datminmxid}'::text[])::text || "
        "shobj_description(d.oid, 'pg_database') || (select string_agg(s.setrole::regrole || "
        "s.setconfig::text, ', ' order by s.setrole) from pg_db_role_setting s where s.setdatabase "
        "= d.oid) from pg_database d where datname = 'shop'");
  };
  ASSERT_TRUE(has_all());
  const auto before = picture();
  const auto about_it = about();
  server_.query("drop database shop with (force)");
  const auto done = undrop("shop");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["notes"], json::array());
  EXPECT_EQ(picture(), before) << done.dump(2);
  EXPECT_EQ(about(), about_it);
  EXPECT_EQ(in_shop("select convert_from(lo_get(4711), 'UTF8')"), "large");
  EXPECT_TRUE(has_all());
}

TEST_F(UndropHeld, PartitionsComeBackTogether) {
  // Goal: X1: a partitioned table that was dropped comes back with its partitions.
  in_shop("drop table parts");
  auto done = undrop("shop.public.parts");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["rows"], 51);
  EXPECT_TRUE(released("parts_1 dropped"));
  EXPECT_EQ(picture(), before_) << done.dump(2);
  in_shop("truncate parts");
  done = undrop("shop.public.parts", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_TRUE(released("parts_2 truncated"));
  EXPECT_EQ(picture(), before_) << done.dump(2);
}

TEST_F(UndropHeld, EmptiedTablesGetTheirRowsBack) {
  // Goal: X1: TRUNCATE, and DELETE of all rows: what is missing comes back, what was written since
  // stays; without a key nothing tells rows apart, and an empty table needs none.
  in_shop("create table much as select i as id, md5(i::text) as t from generate_series(1, 5000) i");
  in_shop("alter table much add primary key (id)");
  in_shop("analyze much");
  ASSERT_TRUE(has_all()) << gate().dump(2);
  const auto before = picture();
  in_shop("truncate lines");
  in_shop("insert into lines values (1000, 1)");
  auto done = undrop("shop.public.lines", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["merged"]["added"], 50);
  EXPECT_TRUE(released("lines truncated"));
  in_shop("delete from much");
  done = undrop("shop.public.much", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["merged"]["added"], 5000);
  EXPECT_TRUE(released("much deleted"));
  in_shop("delete from lines where id = 1000");
  in_shop("truncate sales.b");
  in_shop("insert into sales.b values (1, 9)");
  const auto refused = binary_.run({"undrop", "shop.sales.b", "--merge"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, testing::HasSubstr("it has rows, no primary key"));
  in_shop("delete from sales.b");
  done = undrop("shop.sales.b", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["merged"]["added"], 30);
  EXPECT_EQ(picture(), before);
}

TEST_F(UndropHeld, TwoDroppedByOneTransactionAreKeptUntilBothAreBack) {
  // Goal: X1: two tables dropped by one transaction behind a savepoint, and one of them made again
  // by the app before anybody looked: each comes back from where the shadow stands.
  in_shop("begin; savepoint s; drop table lines; drop table parts; release s; commit");
  in_shop(
      "create table lines (id int primary key, ordered bigint references orders); "
      "insert into lines values (7, 1), (5000, 2)");
  auto done = undrop("shop.public.parts");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_THAT(lost(), Contains("lines dropped kept"));
  done = undrop("shop.public.lines", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["merged"]["added"], 49);
  EXPECT_EQ(done["merged"]["kept"], 1);
  EXPECT_TRUE(released("lines dropped"));
  in_shop("delete from lines where id = 5000; update lines set ordered = 7 where id = 7");
  EXPECT_EQ(picture(), before_);
}

TEST_F(UndropHeld, RowsWrittenUpToItsOwnLockComeBack) {
  // Goal: X1: the transaction that drops a table has locked another one before: what others wrote
  // to the dropped table in between is there again.
  auto session = client::ReplicationSession::open(*pg::parse_conninfo(server_.conninfo("shop")),
                                                  {.mode = client::ReplicationMode::Sql});
  ASSERT_TRUE(session) << session.error().message();
  ASSERT_TRUE(session->run("begin; alter table customers add more int"));
  in_shop("insert into lines values (777, 5)");
  ASSERT_TRUE(session->run("drop table lines; commit"));
  const auto done = undrop("shop.public.lines");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(in_shop("select ordered from lines where id = 777"), "5");
  EXPECT_EQ(in_shop("select count(*) from lines"), "51");
}

TEST_F(UndropHeld, WhatCannotBeReadThereComesFromTheBackup) {
  // Goal: X1: a view over the dropped table reads another one that the same transaction has locked
  // before: the shadow cannot say what it was, and the backup does.
  in_shop("create view mixed as select l.id, c.name from lines l, customers c");
  const auto before = picture();
  in_shop(
      "begin; alter table customers add more int; drop table lines cascade; "
      "alter table customers drop more; commit");
  const auto done = undrop("shop.public.lines");
  EXPECT_EQ(done["from"], "backup") << gate().dump(2);
  EXPECT_EQ(picture(), before);
  EXPECT_TRUE(released("lines dropped")) << gate().dump(2);
}

TEST_F(UndropHeld, WhatAPreparedTransactionDroppedComesFromTheBackup) {
  // Goal: X1: the same of a prepared one, whose locks the replayed backup has kept: they are ended.
  in_shop("create view mixed as select l.id, c.name from lines l, customers c");
  const auto before = picture();
  in_shop(
      "begin; alter table customers add more int; drop table lines cascade; "
      "alter table customers drop more; prepare transaction 'p'");
  in_shop("commit prepared 'p'");
  const auto done = undrop("shop.public.lines");
  EXPECT_EQ(done["from"], "backup") << gate().dump(2);
  EXPECT_EQ(picture(), before);
}

TEST_F(UndropHeld, WhateverItIsMadeOfAndTheDatabaseSets) {
  // Goal: X1: partitions by the hash of an enum that is made anew, a table without columns, names
  // that are no ASCII, under settings of the database that would end or refuse what undrop does; a
  // database without a table.
  in_shop(
      "create schema odd; create type odd.size as enum ('s', 'm', 'l', 'xl');"
      "create table odd.\"straße\" (kind odd.size, n int, primary key (kind, n)) partition by hash "
      "(kind);"
      "create table odd.p0 partition of odd.\"straße\" for values with (modulus 2, remainder 0);"
      "create table odd.p1 partition of odd.\"straße\" for values with (modulus 2, remainder 1);"
      "insert into odd.\"straße\" select k, i from unnest(enum_range(null::odd.size)) k, "
      "generate_series(1, 25) i;"
      "create table odd.none (); insert into odd.none default values");
  server_.query("alter database shop set default_transaction_read_only = on");
  server_.query("alter database shop set statement_timeout = '300ms'");
  const auto write = [this](const std::string& text) {
    in_shop("begin read write; " + text + "; commit");
  };
  write("drop schema odd cascade");
  auto done = undrop("shop.odd.straße");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(done["notes"], json::array());
  EXPECT_EQ(in_shop("select count(*) from odd.\"straße\""), "100");
  EXPECT_EQ(in_shop("select count(*) from odd.\"straße\" where kind = 'xl'"), "25");
  EXPECT_EQ(in_shop("select count(*) from odd.none"), "1");
  write("drop schema odd cascade");
  EXPECT_EQ(picture(), before_);
  server_.query("create database bare");
  ASSERT_TRUE(undrop("shop.odd.straße")["rows"] == 101) << gate().dump(2);
  server_.query("drop database bare");
  done = undrop("bare");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(server_.query("select count(*) from pg_tables where schemaname = 'public'", "bare"),
            "0");
}

TEST_F(UndropHeld, KilledWhileItPutsBackIsDoneByTheNext) {
  // Goal: X1: SIGKILL while it waits for a lock in its transaction: nothing of the table is there,
  // the shadow is still kept from the drop, and asked again it brings all of it back out of it.
  in_shop("drop table lines");
  auto holder = client::ReplicationSession::open(*pg::parse_conninfo(server_.conninfo("shop")),
                                                 {.mode = client::ReplicationMode::Sql});
  ASSERT_TRUE(holder) << holder.error().message();
  ASSERT_TRUE(holder->run("begin; lock table orders in access exclusive mode"));
  Background killed(binary_, {"undrop", "shop.public.lines"});
  EXPECT_TRUE(wait_until([&] {
    return server_.query(
               "select count(*) > 0 from pg_stat_activity where application_name = "
               "'pgkeel undrop' and wait_event_type = 'Lock'") == "t";
  }));
  killed.kill();
  ASSERT_TRUE(holder->run("rollback"));
  EXPECT_THAT(lost(), Contains("lines dropped kept"));
  const auto done = undrop("shop.public.lines");
  EXPECT_EQ(done["rows"], 50);
  EXPECT_TRUE(released("lines dropped")) << gate().dump(2);
  EXPECT_EQ(picture(), before_) << done.dump(2);
}

TEST_F(UndropHeld, TheListSaysWhoDidIt) {
  // Goal: X1: role, application and address, as the event trigger of 'pgkeel protect' wrote them
  // down.
  pg::DdlLine line;
  line.at = wall_now();
  line.database = "shop";
  line.role = "app";
  line.application = "node";
  line.address = "10.0.0.5";
  line.tag = "DROP TABLE";
  line.outcome = "done";
  line.objects = {"table public.lines"};
  in_shop("drop table lines; drop table sales.b cascade");
  ASSERT_TRUE(is_lost("lines dropped kept")) << gate().dump(2);
  const auto by = [this] {
    const auto ran = binary_.run({"undrop", "list", "--json"});
    const auto list = json::parse(ran.out, nullptr, false);
    return list["destroyed"].empty() ? json(ran.err) : list["destroyed"][0]["by"];
  };
  EXPECT_EQ(by(), json());
  {
    auto store = incident::Store::open(binary_.dir() / "state");
    ASSERT_TRUE(store) << store.error().message();
    ASSERT_TRUE(incident::DdlTrail(**store).record({line}, wall_now()));
  }
  EXPECT_EQ(by(), "DROP TABLE table public.lines by role app (application node, from 10.0.0.5)");
}

TEST_F(UndropHeld, TheSameTableAgainAndAgain) {
  // Goal: X1: dropped, brought back, written to and dropped at once again: each time the rows it
  // had last, never those of an earlier drop.
  for (int round = 1; round <= 3; ++round) {
    in_shop(fmt::format("insert into lines values ({}, 1)", 1000 + round));
    in_shop("drop table lines");
    const auto done = undrop("shop.public.lines");
    EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
    EXPECT_EQ(in_shop("select max(id) from lines"), std::to_string(1000 + round));
  }
}

TEST_F(UndropHeld, AMassUpdateStaysKept) {
  // Goal: X1: rows that were changed are there: a merge adds none, and the shadow keeps what they
  // were.
  in_shop("create table prices as select i as id, i as price from generate_series(1, 4000) i");
  in_shop("alter table prices add primary key (id)");
  in_shop("analyze prices");
  ASSERT_TRUE(has_all()) << gate().dump(2);
  in_shop("update prices set price = 0");
  ASSERT_TRUE(is_lost("prices updated kept")) << gate().dump(2);
  const auto done = undrop("shop.public.prices", {"--merge"});
  EXPECT_EQ(done["merged"]["differing"], 4000);
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  server_.query("select 1");
  EXPECT_THAT(lost(), Contains("prices updated kept"));
}

TEST_F(UndropHeld, TwoDropsOfOneNameAreBothThere) {
  // Goal: X1: a table that is dropped, made again and dropped again while the shadow stands before
  // the first: both are there, the first one at once, the second as soon as the shadow has gone on,
  // and that it may be there is said.
  in_shop("create table twice (id int primary key)");
  in_shop("insert into twice values (1)");
  in_shop("drop table twice");
  in_shop("create table twice (id int primary key)");
  in_shop("insert into twice values (2)");
  in_shop("drop table twice");
  ASSERT_TRUE(is_lost("twice dropped kept")) << gate().dump(2);
  auto done = undrop("shop.public.twice");
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(in_shop("select string_agg(id::text, ',') from twice"), "1");
  EXPECT_EQ(done["notes"].size(), 1U) << done.dump(2);
  ASSERT_TRUE(released("twice dropped")) << gate().dump(2);
  ASSERT_TRUE(is_lost("twice dropped kept")) << gate().dump(2);
  done = undrop("shop.public.twice", {"--merge"});
  EXPECT_EQ(done["from"], "shadow") << gate().dump(2);
  EXPECT_EQ(in_shop("select string_agg(id::text, ',') from twice"), "1,2");
  EXPECT_TRUE(has_all());
}

TEST_F(UndropHeld, WhatIsKeptBehindAnotherComesFromTheBackup) {
  // Goal: X1: the shadow stands before one destruction and another one is to be undone: its rows,
  // up to exactly where it was dropped, come out of the backup.
  in_shop("drop table lines");
  in_shop("insert into sales.b values (1, 77)");
  in_shop("drop table sales.b cascade");
  ASSERT_TRUE(is_lost("b dropped kept")) << gate().dump(2);
  const auto done = undrop("shop.sales.b");
  EXPECT_EQ(done["from"], "backup") << gate().dump(2);
  EXPECT_EQ(in_shop("select count(*) from sales.b"), "31");
  EXPECT_EQ(in_shop("select max(price) from sales.b"), "77");
  EXPECT_THAT(lost(), Contains("lines dropped kept"));
  const auto lines = *parse_lsn(entries().at(0).value("decided", ""));
  ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state", {lines, {}}));
  EXPECT_TRUE(released("b dropped")) << gate().dump(2);
  EXPECT_TRUE(has_all());
}

}  // namespace
}  // namespace pgkeel::test
