// Bringing back what was dropped, as a person does it: the real binary, a real server, a directory
// as the store. Every test ends by looking at the live data.
#include <gmock/gmock.h>

#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "integration/app/fake_guard.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class Undrop : public testing::Test {
 protected:
  void SetUp() override {
    binary_.write("pgkeel.toml",
                  "state_dir = \"state\"\n[instance]\nkind = \"managed\"\ndata_dir = \"" +
                      server_.data_dir().string() +
                      "\"\n[archive]\nstore = \"store\"\ndrill_dir = \"drill\"\n");
    receiver_ = std::make_unique<Background>(binary_, std::vector<std::string>{"receive"});
    sql("create role app");
    sql("create database shop");
    in_shop(
        "create table customers (id int primary key, name text);"
        "create table orders (id bigserial primary key, customer int references customers,"
        " item text not null check (item <> ''));"
        "create index orders_item on orders (item);"
        "create table lines (id int primary key, ordered bigint references orders);"
        "create view big_orders as select * from orders where id > 10;"
        "create view biggest_orders as select * from big_orders where id > 90;"
        "create function no_change() returns trigger language plpgsql as"
        " 'begin return new; end';"
        "create trigger kept before update on orders for each row execute function no_change();"
        "alter table orders enable row level security;"
        "create policy own on orders using (customer = 1);"
        "grant select on orders to app; alter table orders owner to app;"
        "comment on table orders is 'what was bought';"
        "insert into customers select i, 'c' || i from generate_series(1, 10) i;"
        "insert into orders (customer, item) select 1 + i % 10, 'item ' || i"
        " from generate_series(1, 100) i;"
        "insert into lines select i, i from generate_series(1, 50) i");
    ok({"backup", "now"});
    in_shop("insert into orders (customer, item) values (3, 'the last one')");
  }

  std::string sql(const std::string& text, const std::string& database = "postgres") {
    return server_.query(text, database);
  }
  std::string in_shop(const std::string& text) { return sql(text, "shop"); }
  std::string position() { return sql("select pg_current_wal_insert_lsn()"); }
  Ran run(std::vector<std::string> args) { return binary_.run(args); }
  json ok(std::vector<std::string> args) {
    args.emplace_back("--json");
    const auto ran = run(args);
    EXPECT_EQ(ran.exit_code, 0) << ran.err << ran.out;
    return json::parse(ran.out, nullptr, false);
  }
  bool scratch_is_empty() const {
    return !fs::exists(binary_.dir() / "drill" / "undrop") &&
           !fs::exists(binary_.dir() / "drill" / "undrop-work");
  }

  PostgresServer server_;
  Binary binary_;
  std::unique_ptr<Background> receiver_;
};

TEST_F(Undrop, ATableComesBackWithAllThatBelongedToIt) {
  // Goal: rows, index, checks, sequence, owner, rights, policy, trigger, views and the foreign keys
  // in both directions; other tables are not touched (D10).
  const auto before = position();
  in_shop("drop table orders cascade; insert into customers values (11, 'meanwhile')");
  const auto done = ok({"undrop", "shop.public.orders", "--at", before});
  EXPECT_EQ(done["rows"], 101);
  EXPECT_EQ(done["notes"].size(), 0U) << done;
  EXPECT_EQ(in_shop("select count(*) from orders"), "101");
  EXPECT_EQ(in_shop("select count(*) from biggest_orders"), "11");
  EXPECT_EQ(in_shop("select count(*) from customers"), "11");
  // A server that replays takes up to 32 numbers of a sequence as used.
  EXPECT_EQ(in_shop("insert into orders (customer, item) values (1, 'new') returning id > 101"),
            "t");
  EXPECT_EQ(in_shop("select count(*) from pg_constraint where contype = 'f' and convalidated"),
            "2");
  EXPECT_EQ(in_shop("select tableowner || hasindexes || hastriggers || rowsecurity from pg_tables "
                    "where tablename = 'orders'"),
            "apptruetruetrue");
  EXPECT_EQ(in_shop("select count(*) from pg_indexes where indexname = 'orders_item'"), "1");
  EXPECT_EQ(in_shop("select obj_description('orders'::regclass)"), "what was bought");
  EXPECT_EQ(in_shop("select reltuples from pg_class where relname = 'orders'"), "101");
  EXPECT_TRUE(scratch_is_empty());
  EXPECT_TRUE(ok({"undrop", "shop.public.orders", "--at", before})["earlier"])
      << "its own work is known again";
}

TEST_F(Undrop, TheGuardIsToldWhatIsBack) {
  // Goal: C2: by name, the table asked for and what came with it; not of what stands beside it, nor
  // where a guard runs the command and reads its answer (D10).
  const auto before = position();
  in_shop("drop table orders cascade");
  FakeGuard guard(binary_.dir() / "state");
  guard.where = server_.conninfo();
  ok({"undrop", "shop.public.orders", "--at", before, "--as", "beside"});
  EXPECT_THAT(guard.asked(), testing::IsEmpty());
  ok({"undrop", "shop.public.orders", "--at", before});
  EXPECT_THAT(guard.asked(), testing::ElementsAre("note undropped shop.public.orders 101"));
  const auto asked = binary_.run({"undrop", "shop.public.orders", "--at", before},
                                 {{"PGKEEL_UNDROP_JOB", "2026-11-22-001"}});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_EQ(guard.asked().size(), 1U);
  EXPECT_EQ(in_shop("select count(*) from orders"), "101");
}

TEST_F(Undrop, NothingThatExistsIsOverwritten) {
  // Goal: a name in use is refused (exit 4) and untouched; --as brings it back beside; --dry-run
  // changes nothing (D10 X8).
  const auto before = position();
  in_shop("drop table orders cascade; create table orders (other int)");
  const auto refused = run({"undrop", "shop.public.orders", "--at", before});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("--as"));
  EXPECT_EQ(in_shop("select count(*) from orders"), "0");
  const std::vector<std::string> beside{"undrop", "shop.public.orders", "--at", before,
                                        "--as",   "old_orders"};
  auto dry = beside;
  dry.emplace_back("--dry-run");
  EXPECT_EQ(ok(dry)["target"], "just before " + before);
  EXPECT_EQ(in_shop("select to_regclass('old_orders') is null"), "t");
  EXPECT_EQ(ok(beside)["rows"], 101);
  EXPECT_EQ(in_shop("select count(*) from old_orders"), "101");
  EXPECT_EQ(ok({"undrop", "shop.public.orders", "--at", before, "--as", "kept.orders"})["rows"],
            101);
  EXPECT_EQ(in_shop("insert into kept.orders (customer, item) values (1, 'x') returning id > 101"),
            "t");
  EXPECT_EQ(in_shop("select count(*) from lines"), "50");
}

TEST_F(Undrop, ARowThatNoLongerFitsIsNoted) {
  // Goal: a foreign key that what happened since breaks is left NOT VALID and named; the rows are
  // back all the same (D10).
  const auto before = position();
  in_shop("drop table orders cascade; delete from customers where id = 3");
  const auto done = ok({"undrop", "shop.public.orders", "--at", before});
  EXPECT_EQ(done["rows"], 101);
  ASSERT_EQ(done["notes"].size(), 1U) << done;
  EXPECT_THAT(done["notes"][0].get<std::string>(), HasSubstr("orders_customer_fkey"));
  EXPECT_EQ(in_shop("select count(*) from pg_constraint where contype = 'f' and not convalidated"),
            "1");
}

TEST_F(Undrop, PartitionsAndWholeSchemasComeBack) {
  // Goal: a partitioned table brings its partitions, a dropped schema all that was in it (D10).
  in_shop(
      "create table events (id int, at date) partition by range (at);"
      "create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');"
      "create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');"
      "insert into events select i, '2026-01-15'::date + i from generate_series(1, 30) i;"
      "create schema stock; create type stock.kind as enum ('a', 'b');"
      "create table stock.items (id serial primary key, kind stock.kind);"
      "create table stock.places (id int primary key, item int references stock.items);"
      "insert into stock.items (kind) select 'a' from generate_series(1, 7);"
      "insert into stock.places select i, i from generate_series(1, 5) i");
  const auto before = position();
  in_shop("drop table events; drop schema stock cascade");
  EXPECT_EQ(ok({"undrop", "shop.public.events", "--at", before})["rows"], 30);
  EXPECT_EQ(in_shop("select count(*) from events_2"), "14");
  EXPECT_TRUE(ok({"undrop", "shop.public.events_2", "--at", before})["earlier"]);
  const auto schema = ok({"undrop", "shop.stock.places", "--at", before});
  EXPECT_EQ(schema["rows"], 12);
  EXPECT_EQ(in_shop("select count(*) from stock.items where kind = 'a'"), "7");
  EXPECT_EQ(in_shop("select count(*) from pg_constraint where conrelid = "
                    "'stock.places'::regclass and contype = 'f' and convalidated"),
            "1");
}

TEST_F(Undrop, ADatabaseComesBackWhole) {
  // Goal: rows, owner, settings, comment; a leftover of an undrop that was killed is cleared, a
  // database of that name that somebody made is not (D10 X8).
  sql("alter database shop owner to app; alter database shop set work_mem to '7MB';"
      "comment on database shop is 'the shop'");
  const auto before = position();
  sql("drop database shop with (force)");
  sql("create database shop_pgkeel_new");
  const auto refused = run({"undrop", "shop", "--at", before});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  sql("comment on database shop_pgkeel_new is 'pgkeel: being made to replace shop'");
  const auto done = ok({"undrop", "shop", "--at", before});
  EXPECT_EQ(done["rows"], 161) << done;
  EXPECT_EQ(in_shop("select count(*) from orders"), "101");
  EXPECT_EQ(in_shop("show work_mem"), "7MB");
  EXPECT_EQ(sql("select pg_get_userbyid(datdba) || ', ' || shobj_description(oid, 'pg_database') "
                "from pg_database where datname = 'shop'"),
            "app, the shop");
  EXPECT_EQ(sql("select count(*) from pg_database where datname like '%pgkeel%'"), "0");
  EXPECT_TRUE(ok({"undrop", "shop", "--at", before})["earlier"]);
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(Undrop, LostRowsAreMergedIntoATableThatExists) {
  // Goal: what was deleted is back, what was written since stays, whatever the table's triggers
  // would do with a new row; asked again it adds nothing (D10 X1).
  in_shop(
      "create function refuse() returns trigger language plpgsql as"
      " 'begin raise exception ''no new rows''; end';"
      "create trigger refused before insert on orders for each row execute function refuse();"
      "alter table orders disable trigger refused");
  const auto before = position();
  in_shop(
      "delete from lines; delete from orders where id <= 60;"
      "update orders set item = 'newer' where id = 70;"
      "insert into orders (id, customer, item) values (1000, 1, 'new');"
      "alter table orders enable always trigger refused");
  const std::vector<std::string> merge{"undrop", "shop.public.orders", "--at", before, "--merge"};
  EXPECT_EQ(ok(merge)["merged"], (json{{"added", 60}, {"kept", 41}, {"differing", 1}}));
  EXPECT_EQ(in_shop("select count(*) || ' ' || count(*) filter (where item = 'newer') || ' ' || "
                    "count(*) filter (where id <= 60 and item = 'item ' || id) from orders"),
            "102 1 60");
  EXPECT_EQ(in_shop("select tgenabled from pg_trigger where tgname = 'refused'"), "A");
  EXPECT_EQ(ok(merge)["merged"], (json{{"added", 0}, {"kept", 101}, {"differing", 1}}));
  const auto said = run(merge);
  EXPECT_THAT(said.out, HasSubstr("No row was missing"));
  EXPECT_EQ(in_shop("select count(*) from lines"), "0");
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(Undrop, ATableMadeAgainTooEarlyIsFilled) {
  // Goal: the app made the table anew and wrote to it; the old rows join the new ones, the sequence
  // goes on behind both, and partitions take theirs (D10 X1).
  in_shop(
      "create table events (id int, at date, total int generated always as (id * 2) stored,"
      " primary key (id, at)) partition by range (at);"
      "create table events_1 partition of events for values from ('2026-01-01') to ('2026-03-01');"
      "insert into events select i, '2026-01-15' from generate_series(1, 30) i");
  const auto before = position();
  in_shop(
      "truncate events; drop table orders cascade;"
      "create table orders (item text not null, id bigserial primary key, customer int);"
      "insert into orders (customer, item) select 1, 'new' from generate_series(1, 3)");
  EXPECT_EQ(ok({"undrop", "shop.public.orders", "--at", before, "--merge"})["merged"],
            (json{{"added", 98}, {"kept", 3}, {"differing", 3}}));
  EXPECT_EQ(in_shop("insert into orders (customer, item) values (1, 'x') returning id"), "102");
  EXPECT_EQ(in_shop("select count(*) from orders where item = 'new'"), "3");
  EXPECT_EQ(ok({"undrop", "shop.public.events", "--at", before, "--merge"})["rows"], 30);
  EXPECT_EQ(in_shop("select count(*) || ' ' || sum(total) from events_1"), "30 930");
}

TEST_F(Undrop, AMergeLeavesEveryTriggerAsItWas) {
  // Goal: no trigger of a partitioned table or of a partition fires, and what was switched off, to
  // always or to replicas, on the whole or on one partition, is so afterwards (D10 X1 X8).
  in_shop(
      "create table events (id int, part int, primary key (id, part)) partition by list (part);"
      "create table events_1 partition of events for values in (1);"
      "create table events_2 partition of events for values in (2);"
      "create table seen (what text);"
      "create function note() returns trigger language plpgsql as"
      " 'begin insert into public.seen values (tg_name); return new; end';"
      "create trigger noted before insert on events for each row execute function note();"
      "create trigger told after insert on events for each statement execute function note();"
      "create trigger own before insert on events_2 for each row execute function note();"
      "create trigger copied before insert on events_1 for each row execute function note();"
      "alter table events_1 disable trigger noted; alter table events_2 enable always trigger own;"
      "alter table events_1 enable replica trigger copied;"
      "insert into events select i, 1 + i % 2 from generate_series(1, 30) i; truncate seen");
  const auto before = position();
  in_shop("delete from events where id > 10");
  const std::string states =
      "select string_agg(tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text, ', '"
      " order by tgrelid::regclass::text, tgname) from pg_trigger"
      " where tgname in ('noted', 'told', 'own', 'copied')";
  const auto were = in_shop(states);
  EXPECT_THAT(were, HasSubstr("events_1 noted D"));
  EXPECT_EQ(ok({"undrop", "shop.public.events", "--at", before, "--merge"})["merged"],
            (json{{"added", 20}, {"kept", 10}, {"differing", 0}}));
  EXPECT_EQ(in_shop(states), were);
  EXPECT_EQ(in_shop("select count(*) from seen"), "0");
}

TEST_F(Undrop, AMergeCarriesRowsUnchanged) {
  // Goal: how values are written as text was set otherwise then than it is now; the rows are the
  // same ones to the last digit (D10 X1).
  in_shop(
      "create table days (id int primary key, at date, size float8, every interval, raw bytea,"
      " price money, name text);"
      "insert into days values (1, make_date(2026, 3, 4), 0.1::float8 + 0.2::float8,"
      " make_interval(months => 1, days => -2, hours => 3), '\\x005cff', 1234.5, 'caf' || "
      "chr(233))");
  const std::string sum =
      "set datestyle = iso; set intervalstyle = postgres; set extra_float_digits = 3;"
      "set bytea_output = hex;"
      "select md5(string_agg(d.*::text, ',')) || (select count(*) from days) from days d";
  const auto were = in_shop(sum);
  in_shop(
      "alter database shop set datestyle = 'sql, dmy';"
      "alter database shop set intervalstyle = 'sql_standard';"
      "alter database shop set extra_float_digits = 0;"
      "alter database shop set bytea_output = 'escape';"
      "alter database shop set client_encoding = 'latin1'");
  const auto before = position();
  in_shop(
      "alter database shop set datestyle = 'sql, mdy';"
      "alter database shop reset client_encoding; delete from days");
  const std::vector<std::string> merge{"undrop", "shop.public.days", "--at", before, "--merge"};
  EXPECT_EQ(ok(merge)["merged"], (json{{"added", 1}, {"kept", 0}, {"differing", 0}}));
  EXPECT_EQ(in_shop(sum), were);
  EXPECT_EQ(ok(merge)["merged"], (json{{"added", 0}, {"kept", 1}, {"differing", 0}}));
}

TEST_F(Undrop, ANameThatLooksLikeAQuoteIsOnlyAName) {
  // Goal: a table's name that would end a quoted body, or a string, of the scripts is a name in
  // each of them: merged, beside it under another, and back where it was (D10 X1 X8).
  const std::string quoted = "\"$pgkeel$ a'b\"\"c\\ $pgkeel_1$ $pgkeel_count$\"";
  const std::string other = "\"$pgkeel$ 'other\"\"\"";
  in_shop("create table " + quoted + " (id serial primary key); insert into " + quoted +
          " select generate_series(1, 7)");
  const auto before = position();
  in_shop("delete from " + quoted + " where id < 4");
  const std::vector<std::string> undrop{"undrop", "shop.public." + quoted, "--at", before};
  auto merge = undrop;
  merge.emplace_back("--merge");
  EXPECT_EQ(ok(merge)["merged"], (json{{"added", 3}, {"kept", 4}, {"differing", 0}}));
  auto beside = undrop;
  beside.insert(beside.end(), {"--as", other});
  EXPECT_EQ(ok(beside)["rows"], 7);
  EXPECT_EQ(in_shop("select count(*) from " + other), "7");
  in_shop("drop table " + quoted);
  EXPECT_EQ(ok(undrop)["rows"], 7);
  EXPECT_EQ(in_shop("select count(*) from " + quoted), "7");
}

TEST_F(Undrop, AKeyOfAnExtensionsTypeTellsRowsApart) {
  // Goal: rows are the same when the live table's own index says so: of a type whose operators are
  // in no search path, and by a collation under which texts that differ are equal (D10 X1).
  if (in_shop("select count(*) from pg_available_extensions where name = 'citext'") != "1")
    GTEST_SKIP() << "needs the extension citext (postgresql-contrib)";
  in_shop(
      "create schema types; create extension citext schema types;"
      "create collation types.folded (provider = icu, locale = 'und-u-ks-level2',"
      " deterministic = false);"
      "create table people (name types.citext primary key, age int);"
      "create table towns (name text collate types.folded, nr int, primary key (nr, name));"
      "insert into people select 'name ' || i, i from generate_series(1, 10) i;"
      "insert into towns select 'town ' || i, i from generate_series(1, 10) i");
  const auto before = position();
  in_shop(
      "delete from people where age > 4; insert into people values ('NAME 9', 90);"
      "delete from towns where nr > 4; insert into towns values ('TOWN 9', 9)");
  const json merged{{"added", 5}, {"kept", 5}, {"differing", 1}};
  for (const auto* table : {"people", "towns"})
    EXPECT_EQ(
        ok({"undrop", std::string("shop.public.") + table, "--at", before, "--merge"})["merged"],
        merged)
        << table;
  EXPECT_EQ(in_shop("select count(*) || ' ' || sum(age) from people"), "10 136");
  EXPECT_EQ(in_shop("select count(*) || ' ' || sum(nr) from towns"), "10 55");
}

TEST_F(Undrop, AMergeThatIsKilledIsAllOrNothing) {
  // Goal: SIGKILL while it waits in its transaction: not one row is there without the others, and
  // asked again it ends what was left over and completes (D6 D10 X1).
  const auto before = position();
  in_shop("delete from lines; delete from orders where id <= 60");
  const auto psql = server_.bin_dir() / "psql";
  const auto holder = start_child({psql.string(), "-h", server_.socket_dir().string(), "-p",
                                   std::to_string(server_.port()), "-U", "postgres", "shop", "-c",
                                   "begin; lock table orders in share row exclusive mode; select "
                                   "pg_sleep(100)"},
                                  server_.temp_dir() / "holder.log");
  const auto waits_for = [&](const std::string& what) {
    return wait_until(
        [&] { return sql("select count(*) > 0 from pg_stat_activity where " + what) == "t"; });
  };
  EXPECT_TRUE(waits_for("wait_event = 'PgSleep'"));
  const std::vector<std::string> merge{"undrop", "shop.public.orders", "--at", before, "--merge"};
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY};
  spec.argv.insert(spec.argv.end(), merge.begin(), merge.end());
  spec.working_dir = binary_.dir();
  runtime::Loop loop;
  const auto killed = runtime::start_process(spec);
  ASSERT_TRUE(killed.has_value());
  EXPECT_TRUE(waits_for("application_name = 'pgkeel undrop' and wait_event_type = 'Lock'"));
  static_cast<void>(killed->signal(SIGKILL));
  static_cast<void>(loop.run_until_complete(killed->wait_exit(loop, loop.after(kPatience))));
  sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'");
  ::waitpid(holder, nullptr, 0);
  EXPECT_THAT(in_shop("select count(*) from orders"), testing::AnyOf("41", "101"));
  const auto merged = ok(merge)["merged"];
  EXPECT_THAT(merged["added"].get<int>(), testing::AnyOf(0, 60)) << merged;
  EXPECT_EQ(in_shop("select count(*) from orders"), "101");
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(Undrop, WhatCannotBeMergedIsSaidAndChangesNothing) {
  // Goal: no key where there are rows, other columns, a row that collides with a new one, a name
  // that is none (D10 X8).
  in_shop("create table log (line text); insert into log values ('a')");
  const auto before = position();
  in_shop(
      "truncate log; insert into log values ('b'); alter table lines add column note text, drop "
      "column ordered;"
      "delete from lines; delete from orders; delete from customers;"
      "insert into customers values (50, 'c3'); alter table customers add unique (name)");
  const auto merge = [&](const std::string& name) {
    return run({"undrop", "shop.public." + name, "--at", before, "--merge"});
  };
  const auto keyless = merge("log");
  EXPECT_EQ(keyless.exit_code, 4);
  EXPECT_THAT(keyless.err, testing::AllOf(HasSubstr("no primary key"), HasSubstr("--as")));
  const auto other = merge("lines");
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.err, HasSubstr("it has note text, it had ordered bigint"));
  const auto collides = merge("customers");
  EXPECT_EQ(collides.exit_code, 1);
  EXPECT_THAT(collides.err, HasSubstr("customers_name_key"));
  EXPECT_EQ(in_shop("select count(*) from customers"), "1");
  EXPECT_EQ(run({"undrop", "shop", "--merge"}).exit_code, 2);
  EXPECT_EQ(run({"undrop", "shop.public.log", "--merge", "--as", "log_2"}).exit_code, 2);
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(Undrop, WhatCannotBeIsSaid) {
  // Goal: an unknown table, a moment without it, a name that is none (D10).
  const auto before = position();
  EXPECT_EQ(run({"undrop", "shop.orders"}).exit_code, 2);
  in_shop("insert into customers values (11, 'meanwhile')");
  const auto never = run({"undrop", "shop.public.never", "--at", before});
  EXPECT_EQ(never.exit_code, 3);
  EXPECT_THAT(never.err, HasSubstr("did not exist at"));
  EXPECT_EQ(run({"undrop", "shop.public.never", "--at", "2020-01-01T00:00:00Z"}).exit_code, 3);
  EXPECT_TRUE(scratch_is_empty());
}

}  // namespace
}  // namespace pgkeel::test
