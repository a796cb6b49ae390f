// Who asks for what is gone, by the server's words in its own languages.
#include "sense/asked_for.hpp"

#include <gmock/gmock.h>

namespace pgkeel::sense {
namespace {

constexpr SteadyTime kNow{Seconds(100)};

pg::LogLine line_of(std::string message, std::string statement = "select * from orders") {
  pg::LogLine line;
  line.severity = pg::LogSeverity::Error;
  line.sqlstate = "42P01";
  line.message = std::move(message);
  line.statement = std::move(statement);
  line.database = "shop";
  return line;
}

constexpr const char* kGone = "relation \"orders\" does not exist";

TEST(AskedFor, IsReadFromTheServersWords) {
  // Goal: A1: the name as the statement called it, whatever lc_messages quotes with.
  for (const auto* text :
       {"relation \"public.orders\" does not exist", "Relation »public.orders« existiert nicht",
        "la relation « public.orders » n'existe pas", "no existe la relación «public.orders»",
        "la relazione \"public.orders\" non esiste"}) {
    const auto asked = asked_for(line_of(text), kNow);
    ASSERT_TRUE(asked) << text;
    EXPECT_EQ(asked->relation, "public.orders");
    EXPECT_EQ(asked->database, "shop");
    EXPECT_EQ(asked->at, kNow);
  }
}

TEST(AskedFor, OnlyByWhoReadsOrWrites) {
  // Goal: a dump that locks, a clean-up that alters, empties or drops, a person at a prompt and a
  // statement of pgkeel's own want nothing back; nor is it known of a statement that is not there.
  for (const auto* statement :
       {"insert into orders values (1)", "  SELECT 1 FROM orders", "/* web */ select 1 from orders",
        "-- report\n(select 1 from orders)", "with a as (select 1) select from orders",
        "update orders set a = 1", "Delete from orders", "merge into orders using a on true"})
    EXPECT_TRUE(asked_for(line_of(kGone, statement), kNow)) << statement;
  for (const auto* statement :
       {"lock table orders in access share mode", "alter table orders drop constraint a",
        "truncate orders", "drop trigger t on orders", "copy orders to stdout", "selection", "",
        "/* pgkeel */ select 1 from orders", "/* never ends", "-- nothing"})
    EXPECT_FALSE(asked_for(line_of(kGone, statement), kNow)) << statement;
  for (const auto* application : {"psql", "pg_dump", "pgkeel watch", "pgAdmin 4 - DB:shop"}) {
    auto line = line_of(kGone);
    line.application = application;
    EXPECT_FALSE(asked_for(line, kNow)) << application;
    line.application = "web";
    EXPECT_TRUE(asked_for(line, kNow));
  }
}

TEST(AskedFor, ADropOfWhatIsGoneIsNoWish) {
  // Goal: what is dropped twice is not wanted; nor is any other line, or a torn one.
  for (const auto* text :
       {"table \"orders\" does not exist", "missing FROM-clause entry for table \"orders\"",
        "relation \"orders", ""})
    EXPECT_FALSE(asked_for(line_of(text), kNow)) << text;
  auto other = line_of(kGone);
  other.sqlstate = "53100";
  EXPECT_FALSE(asked_for(other, kNow));
}

TEST(AskedFor, KeepsTheNewestOfEachNameAndNoMoreThanItsBound) {
  // Goal: an app that asks a thousand times for a thousand tables takes no more room than the
  // bound.
  std::vector<AskedFor> asked;
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < kAskedForKept + 10; ++i)
      note_asked_for(asked, {kNow + Seconds(round), "shop", std::to_string(i)});
  EXPECT_EQ(asked.size(), kAskedForKept);
  note_asked_for(asked, {kNow + Seconds(9), "shop", std::to_string(kAskedForKept)});
  EXPECT_EQ(asked.size(), kAskedForKept);
  EXPECT_EQ(asked.back().at, kNow + Seconds(9));
}

}  // namespace
}  // namespace pgkeel::sense
