// Ownership taken from the application: it works as before and can drop nothing; and given back.
#include <gmock/gmock.h>

#include "integration/maintain/protected_server.hpp"
#include "maintain/ownership.hpp"

namespace pgkeel::test {
namespace {

class OwnershipTest : public ProtectedServer {
 protected:
  void SetUp() override {
    ProtectedServer::SetUp();
    if (IsSkipped()) return;
    server_->query(
        "create role other; create table others (id int); alter table others owner to other;"
        "insert into others values (7); grant select on others to app",
        "shop");
    as("app")(
        "create schema s; create type s.state as enum ('new', 'paid');"
        "create table s.orders (id serial primary key, \"Note\" text, state s.state default 'new');"
        "create table s.lines (id int generated always as identity, of int references s.orders);"
        "create view s.v as select o.id from public.others o; create sequence s.numbers;"
        "create materialized view s.m as select count(*) from s.orders;"
        "create table s.parts (id int) partition by range (id);"
        "create table s.part1 partition of s.parts for values from (0) to (10)");
  }
  /// "" or the SQLSTATE of the first thing the application could not do any more.
  std::string day_of_the_application() {
    auto app = as("app");
    for (const auto* statement :
         {"insert into s.orders (\"Note\") values ('x')", "insert into s.lines (of) values (1)",
          "update s.orders set state = 'paid'", "select * from s.v", "select * from s.m",
          "select nextval('s.numbers')", "insert into s.parts values (3)", "delete from s.lines",
          "create temp table t (id int)", "select id from s.orders for update"})
      if (const auto state = app.state_of(statement); !state.empty())
        return std::string(statement) + ": " + app.said();
    return "";
  }
  Result<maintain::OwnershipPlan> plan(const std::string& owner = "shop_owner",
                                       const std::string& application = "") {
    return run(maintain::plan_ownership(&access_, "shop", owner, application,
                                        maintain::OwnerRole::AsFound));
  }
};

TEST_P(OwnershipTest, TheApplicationWorksAndDropsNothing) {
  // Goal: C4: reads, writes, sequences, views over others' tables and new tables work as before;
  // DROP, ALTER and TRUNCATE do not, nor the database; and all of it is taken back by what is
  // shown.
  ASSERT_EQ(day_of_the_application(), "");
  const auto owners =
      "select string_agg(relname || pg_get_userbyid(relowner), ',' order by oid) "
      "from pg_class where oid >= 16384 and relpersistence <> 't'";  // those go after their session
  const auto before = server_->query(owners, "shop");
  const auto wanted = plan();
  ASSERT_TRUE(wanted) << wanted.error().message();
  EXPECT_EQ(wanted->application, "app");
  ASSERT_TRUE(run(maintain::change_ownership(&access_, &*wanted)));
  EXPECT_EQ(day_of_the_application(), "");
  auto app = as("app");
  for (const auto* statement :
       {"drop table s.orders", "drop schema s cascade", "truncate s.orders",
        "drop type s.state cascade", "alter table s.orders drop column state", "drop view s.v",
        "drop database shop", "drop sequence s.numbers", "drop table s.part1",
        "alter table s.orders owner to app", "set role shop_owner"})
    EXPECT_NE(app.state_of(statement), "") << statement;
  as("postgres")("set role shop_owner; create table s.later (id serial)");
  EXPECT_EQ(app.state_of("insert into s.later default values"), "") << app.said();
  EXPECT_NE(app.state_of("drop table s.later"), "");
  EXPECT_EQ(plan("shop_owner", "app")->objects, 0U) << "nothing is left to do";

  auto dba = as("postgres");
  for (const auto& statements : {wanted->take_back, wanted->take_back_last})
    for (const auto& statement : statements)
      EXPECT_EQ(dba.state_of(statement), "") << statement << dba.said();
  EXPECT_EQ(app.state_of("drop table s.later"), "") << "what was made meanwhile is its own, too";
  EXPECT_EQ(server_->query(owners, "shop"), before);
  EXPECT_EQ(day_of_the_application(), "");
  EXPECT_EQ(app.state_of("drop table s.part1"), "");
}

TEST_P(OwnershipTest, IsRefusedWhereItWouldHarm) {
  // Goal: C4: a superuser, an owner that logs in, row level security, a lock somebody holds: said,
  // and nothing is changed.
  EXPECT_EQ(plan("shop_owner", "postgres").error().code, ErrorCode::WrongState);
  EXPECT_EQ(plan("shop_owner", "nobody").error().code, ErrorCode::NotFound);
  EXPECT_EQ(plan("app", "app").error().code, ErrorCode::Refused);
  server_->query("create role inner_owner; grant inner_owner to app");
  EXPECT_EQ(plan("inner_owner").error().code, ErrorCode::Refused);
  const auto good = plan();
  ASSERT_TRUE(good);
  auto holder = as("app");
  holder("begin; lock table s.lines");
  EXPECT_FALSE(run(maintain::change_ownership(&access_, &*good)));
  EXPECT_EQ(server_->query("select count(*) from pg_roles where rolname = 'shop_owner'"), "0");
  holder("rollback");
  as("app")("alter table s.orders enable row level security");
  EXPECT_EQ(plan().error().code, ErrorCode::Refused);
  server_->query(
      "create table more (id int); create role second login; alter table more owner to second",
      "shop");
  EXPECT_EQ(plan().error().code, ErrorCode::Usage);
}

TEST_P(OwnershipTest, SeveralDatabasesShareTheRole) {
  // Goal: C4: the role is made once, with the first database, and dropped once, when all are taken
  // back; what the application had by name before it keeps.
  server_->query("create database crm owner app");
  server_->query(
      "create table public.people (id int); alter table public.people owner to app;"
      "create schema lent; grant usage on schema lent to app;"
      "create table lent.t (id int); alter table lent.t owner to app",
      "crm");
  std::vector<maintain::OwnershipPlan> done;
  for (const auto* database : {"shop", "crm"}) {
    const auto role = done.empty() ? maintain::OwnerRole::AsFound : maintain::OwnerRole::MadeBefore;
    auto one = run(maintain::plan_ownership(&access_, database, "shop_owner", "app", role));
    ASSERT_TRUE(one) << one.error().message();
    const auto changed = run(maintain::change_ownership(&access_, &*one));
    ASSERT_TRUE(changed) << changed.error().message();
    done.push_back(std::move(*one));
  }
  EXPECT_EQ(done[0].apply.front(), "create role \"shop_owner\" nologin");
  EXPECT_EQ(done[0].take_back_last.size(), 1U);
  EXPECT_TRUE(done[1].take_back_last.empty());
  EXPECT_EQ(done[1].apply.front(), "alter database \"crm\" owner to \"shop_owner\"");
  for (const auto& one : done)
    for (const auto& statement : one.take_back) server_->query(statement, one.database);
  for (const auto& statement : done[0].take_back_last) server_->query(statement, "shop");
  EXPECT_EQ(server_->query("select count(*) from pg_class c join pg_roles r on r.oid = c.relowner"
                           " where r.rolname = 'app' and relkind = 'r'",
                           "crm"),
            "2");
  EXPECT_EQ(server_->query("select has_schema_privilege('app', 'lent', 'usage')", "crm"), "t");
  EXPECT_EQ(server_->query("select count(*) from pg_default_acl", "crm"), "0");
  EXPECT_EQ(day_of_the_application(), "");
}

TEST_P(OwnershipTest, ARoleThatWasThereStays) {
  // Goal: C4: an owner that owned things of its own before gives back what it was given, no more.
  server_->query(
      "create role keeper; create table public.kept (id int);"
      "alter table public.kept owner to keeper",
      "shop");
  const auto wanted = plan("keeper");
  ASSERT_TRUE(wanted);
  ASSERT_TRUE(run(maintain::change_ownership(&access_, &*wanted)));
  for (const auto& statements : {wanted->take_back, wanted->take_back_last})
    for (const auto& statement : statements) server_->query(statement, "shop");
  EXPECT_EQ(server_->query("select pg_get_userbyid(relowner) from pg_class where relname = 'kept'",
                           "shop"),
            "keeper");
  EXPECT_EQ(server_->query("select pg_has_role('keeper', 'app', 'member')"), "f");
  EXPECT_EQ(day_of_the_application(), "");
}

PGKEEL_FOR_EVERY_MAJOR(OwnershipTest);

}  // namespace
}  // namespace pgkeel::test
