// Who asks for what is gone, by the server's words in its own languages.
#include "sense/asked_for.hpp"

#include <gmock/gmock.h>

namespace pgkeel::sense {
namespace {

constexpr SteadyTime kNow{Seconds(100)};

std::optional<AskedFor> of(pg::Signature signature, std::string text) {
  LogEvent event;
  event.signature = signature;
  event.text = std::move(text);
  event.database = "shop";
  return asked_for(event, kNow);
}

TEST(AskedFor, IsReadFromTheServersWords) {
  // Goal: A1: the name as the statement called it, whatever lc_messages quotes with.
  using enum pg::Signature;
  for (const auto* text :
       {"relation \"public.orders\" does not exist", "Relation »public.orders« existiert nicht",
        "la relation « public.orders » n'existe pas", "no existe la relación «public.orders»",
        "la relazione \"public.orders\" non esiste"}) {
    const auto asked = of(RelationMissing, text);
    ASSERT_TRUE(asked) << text;
    EXPECT_EQ(asked->relation, "public.orders");
    EXPECT_EQ(asked->database, "shop");
    EXPECT_EQ(asked->at, kNow);
  }
  const auto database = of(DatabaseMissing, "database \"crm\" does not exist");
  ASSERT_TRUE(database);
  EXPECT_EQ(database->database, "crm");
  EXPECT_EQ(database->relation, "");
}

TEST(AskedFor, ADropOfWhatIsGoneIsNoWish) {
  // Goal: what is dropped twice is not wanted; nor is any other line, or a torn one.
  using enum pg::Signature;
  EXPECT_FALSE(of(RelationMissing, "table \"orders\" does not exist"));
  EXPECT_FALSE(of(RelationMissing, "missing FROM-clause entry for table \"orders\""));
  EXPECT_FALSE(of(RelationMissing, "relation \"orders"));
  EXPECT_FALSE(of(RelationMissing, ""));
  EXPECT_FALSE(of(DiskFull, "relation \"orders\" does not exist"));
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
