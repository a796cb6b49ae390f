// The rules about databases and tables: known by oid, so that a rename is no drop.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Oid kAnother{20000};

TEST(TableDropped, IsNamedWithItsLoss) {
  // Goal: a known oid that is gone names the table, its rows and since when.
  Instance instance = healthy();
  tables(instance).clear();
  const auto findings = instance.findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::TableDropped);
  EXPECT_EQ(findings[0].subject, "shop.public.orders");
  EXPECT_EQ(findings[0].rows_lost, 40);
  EXPECT_EQ(findings[0].since, kNow - Seconds(2));
  EXPECT_THAT(findings[0].loss, SizeIs(1));
}

TEST(TableDropped, ARenameOrAMoveKeepsTheOidAndIsNoDrop) {
  // Goal: ALTER TABLE ... RENAME and SET SCHEMA lose nothing.
  Instance instance = healthy();
  tables(instance)[0].name = "orders_old";
  tables(instance)[0].schema = "archive";
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(TableDropped, ARecreatedNameCounts) {
  // Goal: the same name with another oid does not hold the old rows.
  Instance instance = healthy();
  tables(instance)[0].oid = kAnother;
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::TableDropped));
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("created since"));
}

TEST(TableDropped, ATruncatedOrAbsentListingProvesNothing) {
  // Goal: absence from a list that was cut, or was never read, is no evidence.
  Instance instance = healthy();
  tables(instance).clear();
  instance.seen.catalog.listings["shop"].truncated = true;
  EXPECT_THAT(instance.causes(), IsEmpty());
  instance.seen.catalog.listings.clear();
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(TableDropped, APartitionIsOnlyAWarning) {
  // Goal: partitions are dropped by retention every day.
  Instance instance = healthy();
  instance.known.relations["shop"][0].kind = 'c';
  tables(instance).clear();
  ASSERT_THAT(instance.findings(), SizeIs(1));
  EXPECT_EQ(instance.findings()[0].severity, incident::Severity::Warning);
}

TEST(TableDropped, WhatAMigrationDroppedIsLeftToAHuman) {
  // Goal: X1: its tool wrote its history in the same minutes; also where nobody was looking.
  Instance instance = healthy();
  tables(instance).clear();
  auto& listing = instance.seen.catalog.listings["shop"];
  listing.gone[kOrders.value] = {kNow - Seconds(1'000), Lsn(1)};
  listing.migrations = "public._prisma_migrations";
  listing.migrated_at = kNow;  // by another migration, later
  EXPECT_FALSE(instance.findings()[0].wait);
  listing.migrated.insert(kOrders.value);
  const auto finding = instance.findings()[0];
  EXPECT_TRUE(finding.wait);
  EXPECT_EQ(finding.severity, incident::Severity::Warning);
  EXPECT_THAT(finding.hint, HasSubstr("pgkeel undrop shop.public.orders"));
  listing.migrated.clear();
  listing.gone.clear();
  EXPECT_TRUE(instance.findings()[0].wait);
}

TEST(TableDropped, IsWantedByWhoAskedForItSince) {
  // Goal: A1: an app's statement that named it after it went, or the configuration; not another
  // database's, not an earlier one, not where another table has its name, and no partition.
  Instance instance = healthy();
  tables(instance).clear();
  auto& gone = instance.seen.catalog.listings["shop"].gone;
  gone[kOrders.value] = {kNow - Seconds(10), Lsn(1)};
  auto& asked = instance.seen.log_watch.asked;
  const auto wanted = [&instance] { return instance.findings()[0].wanted; };
  EXPECT_EQ(wanted(), "");
  EXPECT_THAT(instance.findings()[0].hint, HasSubstr("pgkeel undrop shop.public.orders"));
  asked = {{kNow - Seconds(11), "shop", "orders"},
           {kNow - Seconds(1), "crm", "orders"},
           {kNow - Seconds(1), "shop", "sales.orders"}};
  EXPECT_EQ(wanted(), "");
  for (const auto* name : {"orders", "public.orders"}) {
    asked = {{kNow - Seconds(2), "shop", name}};
    EXPECT_EQ(wanted(), "an app asked for it 2.0 s ago");
    EXPECT_THAT(instance.findings()[0].hint, HasSubstr("pgkeel undrop shop.public.orders"));
  }
  gone.clear();  // gone when the guard first looked: what it heard it heard since
  EXPECT_NE(wanted(), "");
  instance.known.relations["shop"][0].kind = 'c';  // retention drops these
  EXPECT_EQ(wanted(), "");
  instance.known.relations["shop"][0].kind = 'r';
  tables(instance) = {{kAnother, "public", "orders", 'r', "app", 0, 0}};
  EXPECT_EQ(wanted(), "");
  EXPECT_THAT(instance.findings()[0].hint, HasSubstr("--merge"));
  tables(instance).clear();
  asked.clear();
  instance.known.required_tables = {"shop.public.orders"};
  EXPECT_EQ(wanted(), "the configuration requires it");
}

TEST(TableDropped, IsNotWantedWhereAnotherMayBeMeant) {
  // Goal: rule 9: an unqualified name that two schemas have, and one that two databases have where
  // the log does not tell which, decide nothing.
  Instance instance = healthy();
  tables(instance).clear();
  auto& asked = instance.seen.log_watch.asked;
  const auto wanted = [&instance] { return instance.findings()[0].wanted; };
  asked = {{kNow, "", "orders"}};
  EXPECT_NE(wanted(), "");
  instance.known.relations["crm"] = {{Oid(30000), "public", "orders", 'r', "app", 0, 0}};
  EXPECT_EQ(wanted(), "");
  asked = {{kNow, "shop", "orders"}};
  EXPECT_NE(wanted(), "");
  instance.known.relations["shop"].push_back({Oid(30001), "sales", "orders", 'r', "app", 0, 0});
  tables(instance) = {{Oid(30001), "sales", "orders", 'r', "app", 0, 0}};
  EXPECT_EQ(wanted(), "");
  asked = {{kNow, "shop", "public.orders"}};
  EXPECT_NE(wanted(), "");
}

TEST(DatabaseDropped, IsWantedWhereItIsRequired) {
  // Goal: A1: by the configuration alone: many look whether a database is there.
  Instance instance = healthy();
  instance.seen.catalog.databases.pop_back();
  const auto wanted = [&instance] { return instance.findings()[0].wanted; };
  EXPECT_EQ(wanted(), "");
  EXPECT_THAT(instance.findings()[0].hint, HasSubstr("pgkeel undrop shop"));
  instance.known.required_databases = {"shop"};
  EXPECT_EQ(wanted(), "the configuration requires it");
}

TEST(DatabaseDropped, ExplainsItsTables) {
  // Goal: a dropped database is one finding, not one more for each table.
  Instance instance = healthy();
  instance.seen.catalog.databases.pop_back();
  tables(instance).clear();
  const auto findings = instance.findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::DatabaseDropped);
  EXPECT_EQ(findings[0].subject, "shop");
  EXPECT_THAT(findings[0].loss, ElementsAre("database shop with 1 tables"));
}

TEST(DatabaseDropped, ARenameIsNoDropAndARecreatedNameIs) {
  // Goal: databases, too, are known by oid.
  Instance renamed = healthy();
  renamed.seen.catalog.databases[1].name = "store";
  EXPECT_THAT(renamed.causes(), IsEmpty());
  Instance recreated = healthy();
  recreated.seen.catalog.databases[1].oid = kAnother;
  tables(recreated).clear();
  ASSERT_THAT(recreated.causes(), ElementsAre(Cause::DatabaseDropped));
  EXPECT_THAT(recreated.findings()[0].summary, HasSubstr("created since"));
}

TEST(DatabaseMissing, IsARequiredOneNeverSeen) {
  // Goal: a first start is told from a loss, and only over a working login on a primary.
  Instance instance = healthy();
  instance.known.required_databases = {"shop", "crm"};
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::DatabaseMissing));
  EXPECT_EQ(instance.findings()[0].subject, "crm");
  instance.seen.login.in_recovery = true;
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(DatabaseMissing, IsNotSaidOfOneThatWasDropped) {
  // Goal: what the ledger knew is dropped, never merely missing: it must not be made anew.
  Instance instance = healthy();
  instance.known.required_databases = {"shop"};
  instance.seen.catalog.databases.pop_back();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::DatabaseDropped));
}

TEST(Objects, AnUnseenCatalogProvesNothing) {
  // Goal: before the first listing nothing is dropped.
  Instance instance = healthy();
  instance.seen.catalog = {};
  instance.known.required_databases = {"crm"};
  EXPECT_THAT(instance.causes(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
