// Whether a dump is believed: what pg_restore lists, and the dump before it.
#include "archive/dump/judge.hpp"

#include <gmock/gmock.h>

namespace pgkeel::archive {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr std::string_view kList =
    ";\n; Archive created at 2026-11-21 03:00:00 UTC\n;     dbname: shop\n;\n"
    "215; 1259 16385 TABLE public orders postgres\n"
    "216; 1259 16390 TABLE public order lines postgres\n"
    "3312; 0 16385 TABLE DATA public orders postgres\n"
    "3313; 0 16390 TABLE DATA public order lines postgres\n"
    "3314; 0 16395 TABLE DATA old.shop orders postgres\n";

DumpedDatabase holding(std::int64_t rows, std::uint64_t bytes) {
  DumpedDatabase database;
  database.name = "shop";
  database.object.key = "dumps/20261121T030000Z/00000.dump.zst";
  database.object.plain_bytes = bytes;
  database.rows["public.orders"] = rows;
  return database;
}

TEST(ListVerdict, FindsEveryTableOfTheSnapshot) {
  // Goal: names with blanks and dots are found; a table that only has a definition, and one that
  // has nothing, is missing, whatever another's name begins with (D11 C3).
  const TableOids tables{
      {"public.orders", "16385"}, {"public.order lines", "16390"}, {"old.shop.orders", "16395"}};
  const auto all = judge_list(kList, tables);
  EXPECT_FALSE(all.missing) << *all.missing;
  EXPECT_EQ(all.entries, 5U);
  EXPECT_THAT(judge_list(kList, {{"public.order", "16386"}}).missing, Optional(HasSubstr("order")));
  EXPECT_TRUE(judge_list("1; 1 16385 TABLE public orders me\n", tables).missing);
  EXPECT_TRUE(judge_list("", tables).missing);
  EXPECT_TRUE(judge_list("nonsense\n;\n\n16385\n", tables).missing);
  EXPECT_FALSE(judge_list("", {}).missing) << "a database without tables is one";
}

TEST(Shrinkage, DoubtsHalfOfWhatThereWas) {
  // Goal: rows or bytes below half of the last good dump's are a failure, unless there were hardly
  // any (D11 C3).
  EXPECT_FALSE(shrinkage(holding(600, 0), holding(1000, 0)));
  EXPECT_THAT(shrinkage(holding(400, 0), holding(1000, 0)), Optional(HasSubstr("400 rows")));
  EXPECT_FALSE(shrinkage(holding(4, 0), holding(90, 0))) << "too small to mean anything";
  EXPECT_TRUE(shrinkage(holding(1000, 1U << 20U), holding(1000, 10U << 20U)));
  EXPECT_FALSE(shrinkage(holding(1000, 10), holding(1000, 1000)));
}

TEST(Vanished, NamesADatabaseOfWeight) {
  // Goal: a database that was dropped, or is hidden by a lost right, is not left out in silence;
  // one with hardly anything in it is (D11 C3).
  Dump before;
  before.databases = {holding(1000, 0), holding(10, 10)};
  before.databases.back().name = "scratch";
  Dump now;
  now.databases = {holding(1000, 0)};
  EXPECT_FALSE(vanished(now, before));
  now.databases.front().name = "other";
  EXPECT_THAT(vanished(now, before), Optional(HasSubstr("database shop is gone")));
}

TEST(LastGood, PassesOverTheDoubted) {
  // Goal: a shrunken dump is never what the next one is compared with (C3).
  Dump good;
  good.label = "20261120T030000Z";
  good.databases = {holding(1000, 10)};
  Dump doubted = good;
  doubted.databases = {holding(10, 10)};
  doubted.databases.front().failure = "it shrank";
  Dump empty = good;
  empty.databases.front().object = {};
  const std::vector dumps{good, doubted, empty};
  const auto* const found = last_good(dumps, "shop");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->rows_total(), 1000);
  EXPECT_EQ(last_good(dumps, "other"), nullptr);
}

}  // namespace
}  // namespace pgkeel::archive
