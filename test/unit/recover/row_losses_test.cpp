// Lost rows as the ledger keeps them: taken over once, until they are back or were meant.
#include "recover/row_losses.hpp"

#include <gmock/gmock.h>

#include "incident/store.hpp"
#include "support/temp_dir.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::recover {
namespace {

using test::kNow;
using test::kOrders;
using test::kWall;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kOrdersName = "shop.public.orders";

// A truncation of 40 rows, seen a second ago.
test::Instance truncated() {
  auto instance = test::healthy();
  auto& listing = instance.seen.catalog.listings["shop"];
  listing.counted_at = kNow;
  listing.row_losses[kOrders.value] = {kOrders,
                                       sense::RowLossKind::Truncated,
                                       kNow - Seconds(2),
                                       kNow - Seconds(1),
                                       Lsn(0x3A00),
                                       Lsn(0x3B00),
                                       40,
                                       0};
  return instance;
}

TEST(RowLosses, AreTakenOverOnceAndKeptForTheNextGuard) {
  // Goal: the ledger gives back what was seen, whatever the table is called (D1 D4).
  auto instance = truncated();
  auto& name = instance.seen.catalog.listings["shop"].relations[0].name;
  name = "or\"de\nrs\xff";
  RowLossBook book;
  EXPECT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  EXPECT_FALSE(book.follow(instance.seen, kNow, kWall, instance.known));
  name = "orders";
  auto plain = truncated();
  RowLossBook other;
  ASSERT_TRUE(other.follow(plain.seen, kNow, kWall, plain.known));
  const test::TempDir dir;
  auto store = incident::Store::open(dir.path());
  ASSERT_TRUE(store.has_value());
  incident::Ledger ledger(**store);
  ASSERT_TRUE(keep_row_losses(ledger, instance.known).has_value());
  ASSERT_TRUE(keep_row_losses(ledger, plain.known).has_value());
  diagnose::Known next;
  ASSERT_TRUE(load_row_losses(ledger, next).has_value());
  ASSERT_THAT(next.lost_rows, SizeIs(1));
  const auto& lost = next.lost_rows.at(kOrdersName);
  EXPECT_TRUE(lost.truncated);
  EXPECT_EQ(lost.at, kWall - Seconds(1));
  EXPECT_EQ(lost.lsn, Lsn(0x3A00));
  EXPECT_EQ(lost.counted_lsn, Lsn(0x3B00));
  EXPECT_EQ(lost.rows_before, 40);
}

TEST(RowLosses, AreOverWhenTheRowsAreBack) {
  // Goal: late statistics are not believed at once, and a few new rows are not the old ones.
  auto instance = truncated();
  RowLossBook book;
  ASSERT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  auto& listing = instance.seen.catalog.listings["shop"];
  listing.relations[0].live_rows = 40;
  EXPECT_FALSE(book.follow(instance.seen, kNow, kWall, instance.known));
  listing.counted_at = kNow + Seconds(60);
  listing.relations[0].live_rows = 30;
  EXPECT_FALSE(book.follow(instance.seen, kNow + Seconds(60), kWall + Seconds(60), instance.known));
  listing.relations[0].live_rows = 39;
  EXPECT_TRUE(book.follow(instance.seen, kNow + Seconds(60), kWall + Seconds(60), instance.known));
  EXPECT_THAT(instance.known.lost_rows, IsEmpty());
}

TEST(RowLosses, GoWithTheirTableOrDatabase) {
  // Goal: staging tables that are truncated and dropped do not pile up, nor do those of a database
  // that is dropped; a listing that was cut proves nothing (D1).
  auto cut = truncated();
  RowLossBook book;
  ASSERT_TRUE(book.follow(cut.seen, kNow, kWall, cut.known));
  auto& listing = cut.seen.catalog.listings["shop"];
  listing.relations.clear();
  listing.truncated = true;
  EXPECT_FALSE(book.follow(cut.seen, kNow, kWall, cut.known));
  listing.truncated = false;
  EXPECT_TRUE(book.follow(cut.seen, kNow, kWall, cut.known));
  EXPECT_THAT(cut.known.lost_rows, IsEmpty());
  EXPECT_FALSE(book.follow(cut.seen, kNow, kWall, cut.known));

  auto dropped = truncated();
  RowLossBook other;
  ASSERT_TRUE(other.follow(dropped.seen, kNow, kWall, dropped.known));
  dropped.seen.catalog.listings.erase("shop");
  EXPECT_FALSE(other.follow(dropped.seen, kNow, kWall, dropped.known)) << "not looked into yet";
  dropped.seen.catalog.databases.pop_back();
  EXPECT_TRUE(other.follow(dropped.seen, kNow, kWall, dropped.known));
  EXPECT_THAT(dropped.known.lost_rows, IsEmpty());
}

TEST(RowLosses, AreFollowedInADatabaseWithDotsInItsName) {
  // Goal: the database is kept as it is called, also by the ledger; an older note is read.
  auto instance = truncated();
  auto& catalog = instance.seen.catalog;
  catalog.databases.push_back({Oid(20'000), "my.db", "app", "UTF8", "C", "C", 0});
  catalog.listings["my.db"] = catalog.listings["shop"];
  catalog.listings.erase("shop");
  RowLossBook book;
  ASSERT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  const test::TempDir dir;
  auto store = incident::Store::open(dir.path());
  ASSERT_TRUE(store.has_value());
  incident::Ledger ledger(**store);
  ASSERT_TRUE(keep_row_losses(ledger, instance.known).has_value());
  ASSERT_TRUE(load_row_losses(ledger, instance.known).has_value());
  EXPECT_EQ(instance.known.lost_rows.at("my.db.public.orders").database, "my.db");
  catalog.listings["my.db"].relations.clear();
  EXPECT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  EXPECT_THAT(instance.known.lost_rows, IsEmpty());

  ASSERT_TRUE(ledger
                  .set_fact("lost_rows",
                            R"([{"subject":"shop.public.orders","oid":16399,"truncated":true,
      "since":"2026-11-21T10:00:00Z","at":"2026-11-21T10:00:01Z","lsn":1,"rows_before":40,
      "rows_after":0}])")
                  .has_value());
  ASSERT_TRUE(load_row_losses(ledger, instance.known).has_value());
  EXPECT_EQ(instance.known.lost_rows.at(kOrdersName).database, "shop");
}

TEST(RowLosses, AreBounded) {
  // Goal: the oldest goes for a newer one.
  auto instance = truncated();
  for (std::size_t i = 0; i < kLostRowsKept; ++i)
    instance.known.lost_rows["shop.public.t" + std::to_string(i)] = {
        "shop", kOrders, true,  kWall, kWall - Seconds(60 + static_cast<int>(i)),
        Lsn(1), Lsn(1),  4'000, 0};
  RowLossBook book;
  ASSERT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  EXPECT_THAT(instance.known.lost_rows, SizeIs(kLostRowsKept));
  EXPECT_TRUE(instance.known.lost_rows.contains(kOrdersName));
  EXPECT_FALSE(
      instance.known.lost_rows.contains("shop.public.t" + std::to_string(kLostRowsKept - 1)));
}

TEST(RowLosses, WhatWasMeantIsNotToldAgain) {
  // Goal: the operator's word is remembered, for this table and for later (D1 X8).
  auto instance = truncated();
  RowLossBook book;
  ASSERT_TRUE(book.follow(instance.seen, kNow, kWall, instance.known));
  const test::TempDir dir;
  auto store = incident::Store::open(dir.path());
  ASSERT_TRUE(store.has_value());
  incident::Ledger ledger(**store);
  const auto accepted = accept_row_loss(ledger, kOrdersName, "ann", instance.known);
  EXPECT_TRUE(accepted && *accepted);
  EXPECT_THAT(instance.known.lost_rows, IsEmpty());
  EXPECT_FALSE(*accept_row_loss(ledger, kOrdersName, "ann", instance.known));
  instance.seen.catalog.listings["shop"].row_losses[kOrders.value].at = kNow;
  RowLossBook later;
  EXPECT_FALSE(later.follow(instance.seen, kNow, kWall, instance.known));
  diagnose::Known next;
  ASSERT_TRUE(load_row_losses(ledger, next).has_value());
  EXPECT_TRUE(next.may_lose_rows.contains(kOrdersName));
  EXPECT_EQ(ledger.history(1)->at(0).what, "accept_row_loss");
}

TEST(RowLosses, ADamagedNoteIsAnErrorAndNoCrash) {
  // Goal: what a hand wrote into the ledger is refused in words.
  const test::TempDir dir;
  auto store = incident::Store::open(dir.path());
  ASSERT_TRUE(store.has_value());
  incident::Ledger ledger(**store);
  diagnose::Known known;
  for (const auto* text : {"{", "[1]", "[{\"oid\":\"x\"}]", "[{\"subject\":5}]"}) {
    ASSERT_TRUE(ledger.set_fact("lost_rows", text).has_value());
    EXPECT_FALSE(load_row_losses(ledger, known).has_value()) << text;
  }
}

}  // namespace
}  // namespace pgkeel::recover
