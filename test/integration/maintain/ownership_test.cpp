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
    return run(maintain::plan_ownership(&access_, "shop", owner, application));
  }
};

TEST_P(OwnershipTest, TheApplicationWorksAndDropsNothing) {
  // Goal: C4: reads, writes, sequences, views over others' tables and new tables work as before;
  // DROP, ALTER and TRUNCATE do not, nor the database; and all of it is taken back by what is
  // shown.
  ASSERT_EQ(day_of_the_application(), "");
  const auto owners =
      "select string_agg(relname || pg_get_userbyid(relowner), ',' order by oid) "
      "from pg_class where oid >= 16384";
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
  as("postgres")("drop table s.later");
  EXPECT_EQ(plan("shop_owner", "app")->objects, 0U) << "nothing is left to do";

  auto dba = as("postgres");
  for (const auto& statement : wanted->take_back)
    EXPECT_EQ(dba.state_of(statement), "") << statement << dba.said();
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

PGKEEL_FOR_EVERY_MAJOR(OwnershipTest);

}  // namespace
}  // namespace pgkeel::test
