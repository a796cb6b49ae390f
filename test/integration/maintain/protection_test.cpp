// What the installed check refuses, how it is told that a drop is meant, and that it is gone when
// it is switched off. Every major, real servers.
#include <gmock/gmock.h>

#include "integration/maintain/protected_server.hpp"

namespace pgkeel::test {
namespace {

using maintain::Protection;
using testing::HasSubstr;
using State = maintain::Protection::State;

class ProtectionTest : public ProtectedServer {};

TEST_P(ProtectionTest, RefusesWhatNobodyDeclared) {
  // Goal: C4: owner and superuser alike: no table, view, schema or column goes by mistake, the
  // refusal says who set it up and how to do it on purpose; every refusal is on record.
  switch_on();
  auto app = as("app");
  app("create schema s; create table s.orders (id int primary key, note text);"
      "insert into s.orders values (1, 'kept'); create view s.v as select 1 as one;"
      "create materialized view s.m as select 1 as one; create sequence s.q; create type s.t as "
      "enum ('a');"
      "create table s.typed (id int, what s.t)");
  for (const auto* statement :
       {"drop table s.orders", "drop schema s cascade", "drop view s.v",
        "drop materialized view s.m", "drop sequence s.q", "drop type s.t cascade",
        "alter table s.orders drop column note", "drop owned by app"}) {
    EXPECT_EQ(app.state_of(statement), kRefused) << statement << ": " << app.said();
    EXPECT_EQ(as("postgres").state_of(statement), kRefused) << statement;
  }
  EXPECT_EQ(app.state_of("drop table s.orders"), kRefused);
  EXPECT_THAT(app.said(), HasSubstr("DROP TABLE refused: it would remove table s.orders"));
  EXPECT_THAT(app.said(), HasSubstr("set up by a test on "));
  EXPECT_THAT(app.said(), HasSubstr("SET pgkeel.allow_drop = 'on'"));
  EXPECT_EQ(app("select note from s.orders"), "kept");
  EXPECT_EQ(told("\"refused\"", "DROP TABLE"), 3);
  EXPECT_EQ(told("table s.orders", "\"role\": \"app\""), 5) << server_->log();
}

TEST_P(ProtectionTest, IsToldThatItIsMeant) {
  // Goal: C4: a session that says so, a role that always does, a window that ends by itself; off.
  switch_on();
  auto app = as("app");
  app("create table a (id int); create table b (id int); create table c (id int);"
      "create table d (id int); create table e (id int)");
  app("begin; set local pgkeel.allow_drop = 'on'; drop table a; commit");
  EXPECT_EQ(app.state_of("drop table b"), kRefused) << "the transaction is over";
  as("postgres")("alter role app set pgkeel.allow_drop = 'on'");
  as("app")("drop table b");
  as("postgres")("alter role app reset pgkeel.allow_drop");
  EXPECT_EQ(told("allowed by session", "DROP TABLE"), 2);

  const auto soon = wall_now() + Seconds(3600);
  const auto open = run(maintain::set_window(&access_, "shop", soon, "alice"));
  ASSERT_TRUE(open) << open.error().message();
  EXPECT_EQ(open->window_by, "alice");
  EXPECT_FALSE(refuses(*open, wall_now()));
  EXPECT_TRUE(refuses(*open, soon + Seconds(1)));
  app("drop table c");
  EXPECT_EQ(told("allowed by window"), 1);
  ASSERT_TRUE(run(maintain::set_window(&access_, "shop", wall_now() - Seconds(1), "alice")));
  EXPECT_EQ(app.state_of("drop table d"), kRefused) << "the window is over by itself";
  ASSERT_TRUE(run(maintain::set_window(&access_, "shop", soon, "alice")));
  ASSERT_TRUE(run(maintain::set_window(&access_, "shop", {}, "alice")));
  EXPECT_EQ(app.state_of("drop table d"), kRefused) << "the window was closed";

  switch_off();
  app("drop table d");
  EXPECT_EQ(server_->query("select count(*) from pg_event_trigger", "shop"), "0");
  EXPECT_EQ(server_->query("select count(*) from pg_namespace where nspname = 'pgkeel'", "shop"),
            "0");
}

TEST_P(ProtectionTest, FailsOpenWithAWarning) {
  // Goal: C4: a check that breaks lets the drop through and says so; so does one whose owner is no
  // superuser any more, whose refusals still work.
  server_->query("create role dba superuser login");
  access_.conninfo.user = "dba";
  switch_on();
  server_->query("alter role dba nosuperuser");
  auto app = as("app");
  app("create table a (id int)");
  EXPECT_EQ(app.state_of("drop table a"), kRefused) << app.said();
  access_.conninfo.user = "postgres";
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Damaged);
  as("postgres")(
      "create or replace function pgkeel.drop_allowed() returns text language plpgsql as"
      " 'begin return 1 / 0; end'");
  EXPECT_EQ(app.state_of("set client_min_messages = warning; drop table a"), "") << app.said();
  switch_on();  // mends it
  app("create table a (id int)");
  EXPECT_EQ(app.state_of("drop table a"), kRefused);
}

TEST_P(ProtectionTest, GivesWayInAnEmergency) {
  // Goal: C4: a superuser who switches event triggers off (17 and later) is not held.
  if (GetParam() < 17) GTEST_SKIP() << "no event_triggers before 17; single-user mode is the way";
  switch_on();
  auto dba = as("postgres");
  dba("create table a (id int)");
  EXPECT_EQ(dba.state_of("drop table a"), kRefused);
  EXPECT_EQ(dba.state_of("set event_triggers = off; drop table a"), "") << dba.said();
}

TEST_P(ProtectionTest, IsInstalledOnceAndReplacesWhatIsOlder) {
  // Goal: C4: idempotent; an older one is replaced and keeps its window; a newer one and a
  // stranger's schema are left alone; a role that may not is told so.
  switch_on();
  const auto oids = "select string_agg(oid::text, ',' order by oid) from pg_event_trigger";
  const auto before = server_->query(oids, "shop");
  switch_on();
  EXPECT_EQ(server_->query(oids, "shop"), before);

  const auto until = wall_now() + Seconds(600);
  ASSERT_TRUE(run(maintain::set_window(&access_, "shop", until, "bob")));
  server_->query("comment on schema pgkeel is 'pgkeel protect 0'", "shop");
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Foreign);
  server_->query("comment on schema pgkeel is 'pgkeel protect 999'", "shop");
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Newer);
  const auto refused = run(maintain::protect(&access_, "shop", "a test"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongState);
  server_->query(
      "comment on schema pgkeel is 'pgkeel protect 1'; alter event trigger pgkeel_1_refuse disable",
      "shop");
  switch_on();  // damaged: mended
  const auto now = run(maintain::look_at_protection(&access_, "shop"));
  EXPECT_EQ(now->window_by, "bob");

  access_.conninfo.user = "app";
  const auto plain = run(maintain::unprotect(&access_, "shop"));
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, ErrorCode::NotSupported);
  EXPECT_EQ(plain.error().exit_number(), 3);
}

TEST_P(ProtectionTest, IsNoOtherRolesToReplace) {
  // Goal: C4: a schema pgkeel that somebody else owns, or may create in, becomes the superuser's
  // alone before functions of his are in it, whatever its comment claims; what others put into it
  // is named, and nothing is installed beside it.
  auto app = as("app");
  server_->query("create role helper login");
  app("create schema pgkeel; comment on schema pgkeel is 'pgkeel protect 1';"
      "grant create, usage on schema pgkeel to helper with grant option;"
      "grant usage on schema pgkeel to public;"
      "create function pgkeel.drop_allowed() returns text language sql as 'select null::text'");
  as("helper")("grant create on schema pgkeel to public");
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Damaged);
  app("comment on schema pgkeel is 'pgkeel protect 999'");
  const auto claimed = run(maintain::look_at_protection(&access_, "shop"));
  EXPECT_EQ(claimed->state, State::Damaged);
  EXPECT_FALSE(refuses(*claimed, wall_now()));

  app("create function pgkeel.tell(text) returns void language sql as ''");
  const auto refused = run(maintain::protect(&access_, "shop", "a test"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("tell(text) of role app"));
  const auto owner = "select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'pgkeel'";
  EXPECT_EQ(server_->query(owner, "shop"), "app") << "nothing was changed";
  app("drop function pgkeel.tell(text)");
  switch_on();
  EXPECT_EQ(server_->query(owner, "shop"), "postgres");
  EXPECT_EQ(server_->query("select count(*) from pg_namespace n, aclexplode(n.nspacl) a"
                           " where n.nspname = 'pgkeel' and a.grantee <> n.nspowner",
                           "shop"),
            "0");
  for (const auto* name : {"mine", "drop_allowed"})
    EXPECT_EQ(app.state_of(std::string("create or replace function pgkeel.") + name +
                           "() returns text language sql as 'select null::text'"),
              kRefused);
  app("create table a (id int)");
  EXPECT_EQ(app.state_of("drop table a"), kRefused) << app.said();

  server_->query("alter function pgkeel.refuse_drop() owner to app", "shop");
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Damaged);
  switch_on();
}

TEST_P(ProtectionTest, ItsSessionsCallNothingUnnamed) {
  // Goal: C4: a superuser's session in an application's database finds no function or operator of
  // others by its bare name.
  auto session = run(maintain::connect(&access_, "shop", "a test"));
  ASSERT_TRUE(session);
  const auto rows = run(maintain::ask(&access_, &*session, "show search_path"));
  ASSERT_TRUE(rows);
  EXPECT_EQ(maintain::text_at(*rows, 0, 0), "pg_catalog");
}

PGKEEL_FOR_EVERY_MAJOR(ProtectionTest);

}  // namespace
}  // namespace pgkeel::test
