// What each type of value accepts and refuses.
#include "app/config/value.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

using enum ValueType;

struct Case {
  ValueType type;
  std::vector<const char*> good;
  std::vector<const char*> bad;
};

TEST(Values, EveryTypeKnowsItsOwn) {
  // Goal: each type accepts what the reference says and refuses what only looks like it.
  const std::vector<Case> cases = {
      {Text, {"a", "postgresql@15-main"}, {"", "  "}},
      {Path, {"/a", "a/b", "with space"}, {"", "a\nb"}},
      {Duration, {"250ms", "5s", "1h30m", "0s"}, {"5", "", "5 parsecs", "-1s", "s"}},
      {Size, {"10GB", "512MB", "4096"}, {"ten", "", "-1GB"}},
      {Count, {"0", "65535"}, {"", "-1", "1.5", "0x10", "5 ", "99999999999999999999"}},
      {Ratio, {"0.8", "1"}, {"0", "1.01", "-1", "nan", "inf", "80%", ""}},
      {Flag, {"true", "false", "on", "off"}, {"yes", "1", "TRUE", ""}},
      {TableList, {"a.b.c", "a.\"b.c\".d"}, {"a", "a.b", "a.b.c.d", "a..c", "a.\"b.c", ""}},
      {Table, {"events", "public.events"}, {"", "a.b.c", "."}},
      {Conninfo, {"postgresql://u@h/db", "host=/tmp dbname=x"}, {"postgresql://h:notaport/"}},
      {Listen,
       {"127.0.0.1:8432", "localhost:0", "[::1]:80", "off"},
       {"8432", ":8432", "::1:80", "h:65536", "h:", "h:-1", "a b:1", "/tmp/x:1", ""}},
      {Restarts,
       {"5 per 300s", "0 per 1h", "10 per 5m"},
       {"5", "5 per", "5 per 300", "per 300s", "-1 per 5s", "5 per 0s", "5000 per 1s"}},
      {Store, {"/var/lib/a", "s3://bucket/prefix", "s3://b"}, {"", "s3://", "ftp://x/y", "s3:///"}},
      {TimeOfDay,
       {"03:00", "23:59", "00:00"},
       {"24:00", "3:00", "03:60", "0300", "03:0x", "-1:00"}},
      {SyncOnLoss, {"wait", "degrade after 10s"}, {"degrade", "degrade after 10", "Wait"}},
      {Expectation,
       {"> 0", ">=1", "= x", "<> 0", "not empty", "true"},
       {"0", ">", "> ", "> x", ""}},
      {HttpUrl,
       {"http://a", "https://a.b/c?d"},
       {"ftp://a", "http://", "https:///x", "http://a b"}},
  };
  for (const auto& [type, good, bad] : cases) {
    for (const auto* text : good)
      EXPECT_TRUE(is_valid(type, text)) << accepted(type) << ": " << text;
    for (const auto* text : bad)
      EXPECT_FALSE(is_valid(type, text)) << accepted(type) << ": " << text;
  }
}

TEST(Values, ListenSplitsHostAndPort) {
  // Goal: an IPv6 address loses its brackets, "off" is no listener.
  std::optional<ListenAddress> address;
  ASSERT_TRUE(read_value({"[::1]:8432"}, address));
  EXPECT_EQ(address, (ListenAddress{"::1", 8432}));
  ASSERT_TRUE(read_value({"off"}, address));
  EXPECT_FALSE(address.has_value());
}

TEST(Values, TableNamesMayBeQuoted) {
  // Goal: a dot inside double quotes belongs to the name.
  std::vector<TableName> tables;
  ASSERT_TRUE(read_value({"shop.\"odd.schema\".\"a\"\"b\""}, tables));
  EXPECT_EQ(tables.front(), (TableName{"shop", "odd.schema", "a\"b"}));
}

TEST(Values, ListsSplitAtCommas) {
  // Goal: a list in the environment is written with commas.
  EXPECT_EQ(split_list(" a, b ,,c "), (Values{"a", "b", "c"}));
  EXPECT_TRUE(split_list(" , ").empty());
}

TEST(Values, ShapesKeepTypesApart) {
  // Goal: a TOML value of the wrong type is refused even where its text would do.
  EXPECT_FALSE(fits(Text, Shape::Number));
  EXPECT_FALSE(fits(TextList, Shape::Text));
  EXPECT_FALSE(fits(Count, Shape::List));
  EXPECT_FALSE(fits(Duration, Shape::Number));
  EXPECT_TRUE(fits(Label, Shape::Number));
  EXPECT_TRUE(fits(PathList, Shape::Text));
  EXPECT_TRUE(fits(Duration, Shape::Untyped));
}

}  // namespace
}  // namespace pgkeel::app
