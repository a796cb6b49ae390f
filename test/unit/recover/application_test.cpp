// What the first start would make, in SQL and in words, without a server.
#include <gmock/gmock.h>

#include "recover/application.hpp"

namespace pgkeel::recover {
namespace {

using testing::AllOf;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ApplicationWish wish() {
  return {"shop", "shop \"app\"", 0, Millis(600'000), Millis(30'000), Millis(0)};
}

ApplicationFacts empty_server() {
  ApplicationFacts facts;
  facts.superuser = true;
  facts.connections_max = 97;
  return facts;
}

std::string state_of(const std::vector<ApplicationItem>& items, std::string_view what) {
  for (const auto& item : items)
    if (item.what.starts_with(what)) return item.state;
  return "not shown";
}

TEST(Application, RoleIsOneTransactionWithItsLimitAndSettings) {
  // Goal: the role is no superuser, has a limit below the server's, keepalives and timeouts (B5).
  const auto sql = create_role_sql(wish(), empty_server(), "SCRAM-SHA-256$4096:x");
  ASSERT_TRUE(sql.has_value());
  EXPECT_THAT(*sql,
              StartsWith("create role \"shop \"\"app\"\"\" login connection limit 77 password "
                         "'SCRAM-SHA-256$4096:x';"));
  EXPECT_THAT(*sql, AllOf(HasSubstr("set statement_timeout = '10min';"),
                          HasSubstr("set lock_timeout = '30s';"),
                          HasSubstr("set idle_in_transaction_session_timeout = '0';"),
                          HasSubstr("set tcp_keepalives_idle = '60';")));
  EXPECT_THAT(*sql, Not(HasSubstr("grant")));
  EXPECT_EQ(create_database_sql(wish()).value_or(""),
            "create database \"shop\" owner \"shop \"\"app\"\"\"");
}

TEST(Application, WithoutSuperuserTheGuardJoinsTheRoleItGivesTheDatabaseTo) {
  // Goal: what a managed server's administrator may do is asked for, and no more (B5 A8).
  auto facts = empty_server();
  facts.superuser = false;
  EXPECT_EQ(check_rights(wish(), facts).error().code, ErrorCode::Permission);
  EXPECT_THAT(check_rights(wish(), facts).error().detail, HasSubstr("CREATEROLE and CREATEDB"));
  facts.creates_roles = true;
  EXPECT_THAT(check_rights(wish(), facts).error().detail, HasSubstr("lacks CREATEDB"));
  facts.database_owner = "postgres";
  EXPECT_TRUE(check_rights(wish(), facts).has_value());
  EXPECT_THAT(create_role_sql(wish(), facts, "v").value_or(""), HasSubstr("to current_user;"));
}

TEST(Application, LimitsAreWhatWasAskedForOrLeaveSomeFree) {
  // Goal: a small server still lets the role in, and a number given is taken (B5).
  auto facts = empty_server();
  facts.connections_max = 1;
  EXPECT_EQ(connection_limit(wish(), facts), 1);
  auto asked = wish();
  asked.connections = 12;
  EXPECT_EQ(connection_limit(asked, facts), 12);
  asked.role = std::string(64, 'r');
  EXPECT_EQ(check_names(asked).error().code, ErrorCode::ConfigBadValue);
}

TEST(Application, ShowsWhatWouldBeMadeAndWhatIsLeftAsItIs) {
  // Goal: each object and setting is shown; nothing is promised of what was there before (B5).
  auto facts = empty_server();
  ApplicationRecord record;
  auto items = describe(wish(), facts, record);
  EXPECT_THAT(state_of(items, "role"), HasSubstr("at most 77 connections"));
  EXPECT_THAT(state_of(items, "database"), HasSubstr("will be made, owned by"));
  EXPECT_EQ(state_of(items, "setting statement_timeout"), "10min");
  EXPECT_EQ(state_of(items, "setting idle_in"), "0 (never)");

  facts.role_is_superuser = true;
  facts.database_owner = "postgres";
  items = describe(wish(), facts, record);
  EXPECT_THAT(state_of(items, "role"), HasSubstr("left as it is; it is a superuser"));
  EXPECT_THAT(state_of(items, "database"), HasSubstr("left as it is, owned by postgres"));
  EXPECT_EQ(state_of(items, "setting"), "not shown");

  record.role_made = record.database_made = Making::Made;
  record.done_at = WallTime(std::chrono::microseconds(1));
  facts.role_is_superuser.reset();
  EXPECT_EQ(state_of(describe(wish(), facts, record), "role"), "gone, and not made again");
}

TEST(Application, RecordSurvivesTheLedgerAndNonsense) {
  // Goal: what was done is known to be done, of this cluster and these names only (B5 X8).
  ApplicationRecord record{
      "7",          "shop",           "app",
      Making::Made, Making::Intended, WallTime(std::chrono::milliseconds(1'700'000'000'000))};
  const auto read = parse_application_record(to_json(record));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_json(*read), to_json(record));
  EXPECT_EQ(read->done_at, record.done_at);
  ApplicationWish same{"shop", "app"};
  EXPECT_TRUE(read->is_of("7", same));
  EXPECT_FALSE(read->is_of("8", same));
  same.role = "other";
  EXPECT_FALSE(read->is_of("7", same));
  for (const auto* nonsense : {"", "{", "[]", "{\"role\": 5}", "7"})
    EXPECT_THAT(parse_application_record(nonsense), Eq(std::nullopt)) << nonsense;
}

}  // namespace
}  // namespace pgkeel::recover
