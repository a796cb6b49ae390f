// The rules about rows that went while their table stayed, schemas that are gone, and a guard that
// was killed.
#include <gmock/gmock.h>

#include "diagnose/lost_rows.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kOrdersName = "shop.public.orders";

LostRows lost(RowsWent how = RowsWent::Truncated) {
  return {"shop",
          kOrders,
          how == RowsWent::Truncated,
          kWall - Seconds(2),
          kWall - Seconds(1),
          Lsn(0x3A00),
          Lsn(0x3B00),
          4'000,
          how == RowsWent::Truncated ? 0 : 100};
}

TEST(TableTruncated, IsNamedWithRowsPositionAndWhatToDo) {
  // Goal: how many rows, between when, where the WAL was, and both answers (D1).
  Instance instance = healthy();
  instance.known.lost_rows[kOrdersName] = lost();
  const auto findings = instance.findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::TableTruncated);
  EXPECT_EQ(findings[0].subject, kOrdersName);
  EXPECT_EQ(findings[0].rows_lost, 4'000);
  EXPECT_EQ(findings[0].since, kNow - Seconds(2));
  ASSERT_TRUE(findings[0].last_seen);
  EXPECT_EQ(findings[0].last_seen->lsn, Lsn(0x3A00));
  EXPECT_EQ(findings[0].last_seen->latest, Lsn(0x3B00));
  EXPECT_THAT(findings[0].hint, HasSubstr("forget " + kOrdersName));
}

TEST(TableTruncated, ATableThatIsGoneIsDropped) {
  // Goal: the greater loss is the finding; what was not looked at yet is not judged anew.
  Instance instance = healthy();
  instance.known.lost_rows[kOrdersName] = lost();
  tables(instance).clear();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableDropped));
  instance.seen.catalog.listings.clear();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableTruncated));
}

TEST(TableTruncated, ADatabaseThatIsGoneTakesItsLossesAlong) {
  // Goal: no truncation stays open for a database that is dropped; a name with dots is one (D1).
  Instance instance = healthy();
  instance.known.lost_rows[kOrdersName] = lost();
  std::erase_if(instance.seen.catalog.databases,
                [](const auto& row) { return row.name == "shop"; });
  instance.seen.catalog.listings.erase("shop");
  EXPECT_THAT(instance.causes(), testing::Not(testing::Contains(Cause::TableTruncated)));
  Instance dotted = healthy();
  dotted.seen.catalog.databases.push_back({Oid(20'000), "my.db", "app", "UTF8", "C", "C", 0});
  dotted.seen.catalog.listings["my.db"] = dotted.seen.catalog.listings["shop"];
  dotted.known.lost_rows["my.db.public.orders"] = lost();
  dotted.known.lost_rows["my.db.public.orders"].database = "my.db";
  EXPECT_THAT(dotted.causes(), ElementsAre(Cause::TableTruncated));
  dotted.seen.catalog.listings["my.db"].relations.clear();
  EXPECT_THAT(dotted.causes(), IsEmpty());
}

TEST(TableTruncated, APartitionIsOnlyAWarning) {
  // Goal: partitions are emptied by retention every day.
  Instance instance = healthy();
  instance.known.relations["shop"][0].kind = 'c';
  instance.known.lost_rows[kOrdersName] = lost();
  ASSERT_THAT(instance.findings(), SizeIs(1));
  EXPECT_EQ(instance.findings()[0].severity, incident::Severity::Warning);
}

TEST(MassDelete, IsAWarningWithItsRows) {
  // Goal: it may be a cleanup: named, with how to say so.
  Instance instance = healthy();
  instance.known.lost_rows[kOrdersName] = lost(RowsWent::Deleted);
  const auto findings = instance.findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::MassDelete);
  EXPECT_EQ(findings[0].rows_lost, 3'900);
  EXPECT_EQ(cause_info(Cause::MassDelete).severity, incident::Severity::Warning);
  EXPECT_THAT(findings[0].summary, HasSubstr("About 3900 of 4000 rows"));
}

TEST(RowsLost, AnotherClustersAreNotOurs) {
  // Goal: what the ledger knows is not said of a stranger's tables.
  Instance instance = healthy();
  instance.known.lost_rows[kOrdersName] = lost();
  replace_by_stranger(instance);
  EXPECT_THAT(instance.causes(), testing::Not(testing::Contains(Cause::TableTruncated)));
}

Instance with_schema(std::size_t count) {
  Instance instance = healthy();
  for (std::uint32_t i = 0; i < count; ++i)
    instance.known.relations["shop"].push_back(
        {Oid(17'000 + i), "app", "t" + std::to_string(i), 'r', "app", 8192, 10});
  instance.seen.catalog.listings["shop"].schemas = {"public"};
  return instance;
}

TEST(SchemaDropped, IsOneFindingForAllItsTables) {
  // Goal: a schema that is gone explains its tables, and only those (D1).
  Instance instance = with_schema(3);
  tables(instance).clear();
  const auto findings = instance.findings();
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::SchemaDropped, Cause::TableDropped));
  EXPECT_EQ(findings[0].subject, "shop.app");
  EXPECT_EQ(findings[0].rows_lost, 30);
  EXPECT_THAT(findings[0].loss, SizeIs(3));
  EXPECT_EQ(findings[1].subject, kOrdersName);
}

TEST(SchemaDropped, NotWhileItIsThereOrOfASingleTableOrUnasked) {
  // Goal: tables dropped from a schema that stays are tables; so is a single one.
  Instance stays = with_schema(2);
  stays.seen.catalog.listings["shop"].schemas.push_back("app");
  EXPECT_THAT(stays.causes(), ElementsAre(Cause::TableDropped, Cause::TableDropped));
  EXPECT_THAT(with_schema(1).causes(), ElementsAre(Cause::TableDropped));
  Instance unasked = with_schema(2);
  unasked.seen.catalog.listings["shop"].schemas.clear();
  EXPECT_THAT(unasked.causes(), ElementsAre(Cause::TableDropped, Cause::TableDropped));
}

TEST(SchemaDropped, NotWhenItWasRenamedAndSomeOfItsTablesWent) {
  // Goal: the tables that are left under another name of the schema show that it is not gone (D1).
  Instance instance = with_schema(3);
  tables(instance).push_back({Oid(17'002), "app_old", "t2", 'r', "app", 8192, 10});
  instance.seen.catalog.listings["shop"].schemas = {"public", "app_old"};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableDropped, Cause::TableDropped));
  instance.known.relations["shop"].back().schema =
      "app_old";  // as the ledger has it a moment later
  instance.seen.catalog.listings["shop"].renamed_schemas = {"app"};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableDropped, Cause::TableDropped));
}

TEST(GuardKilled, IsNamedWithTheTimeNobodyWatched) {
  // Goal: from when to when; a moment is a note, a minute a warning (A9).
  Instance instance = healthy();
  instance.known.predecessor = Predecessor{4711, kWall - Seconds(900), kWall - Seconds(5), kWall};
  auto findings = instance.findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::GuardKilled);
  EXPECT_EQ(findings[0].subject, kGuardSubject);
  EXPECT_FALSE(findings[0].severity);
  EXPECT_THAT(findings[0].summary, HasSubstr("4711"));
  instance.known.predecessor->last_seen = kWall - Seconds(61);
  EXPECT_EQ(instance.findings()[0].severity, incident::Severity::Warning);
  instance.known.predecessor->still = true;
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("until now"));
}

}  // namespace
}  // namespace pgkeel::diagnose
