// The record of DDL, as servers write it and as others might.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/ddl_line.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kDropped =
    R"(pgkeel-ddl 1 {"at": "2026-11-22T07:12:11.384305Z", "db": "shop", "app": "node", "pid": 11817, "tag": "DROP TABLE", "xid": 728, "addr": "10.0.0.5", "role": "owner", "count": 5, "login": "app", "objects": ["table public.orders", "view public.v"], "outcome": "allowed by window"})";

TEST(DdlLineTest, IsReadWhole) {
  // Goal: C4: who, from where, what, when and why it passed, as PostgreSQL's jsonb prints it.
  const auto line = parse_ddl_line(kDropped);
  ASSERT_TRUE(line);
  EXPECT_EQ(to_iso8601(line->at), "2026-11-22T07:12:11.384Z");
  EXPECT_EQ(line->pid, 11817);
  EXPECT_EQ(line->count, 5);
  EXPECT_TRUE(line->is_drop());
  EXPECT_FALSE(line->refused());
  EXPECT_EQ(describe(*line),
            "DROP TABLE table public.orders, view public.v and 3 more by role owner, logged in as "
            "app, (application node, from 10.0.0.5), allowed by window");
}

TEST(DdlLineTest, RefusesWhatIsNone) {
  // Goal: C4: other versions, lines cut off, no time, no tag; a message that only mentions it.
  const std::string whole(kDropped);
  EXPECT_FALSE(parse_ddl_line(whole.substr(0, whole.size() - 9)));
  EXPECT_FALSE(parse_ddl_line("statement: select '" + whole + "'"));
  EXPECT_FALSE(parse_ddl_line("pgkeel-ddl 2 {}"));
  EXPECT_FALSE(parse_ddl_line("pgkeel-ddl 1 {}"));
  EXPECT_FALSE(
      parse_ddl_line(R"(pgkeel-ddl 1 {"at": "yesterday", "tag": "DROP TABLE", "db": "a"})"));
  EXPECT_FALSE(parse_ddl_line("pgkeel-ddl 1 {" + std::string(kDdlLineMax, ' ')));
  EXPECT_FALSE(parse_ddl_line("pgkeel-ddl 1 " + std::string(5000, '[')));
}

TEST(DdlLineTest, IsBoundedAndPlain) {
  // Goal: C4: names hold what names may: escapes do not reach a terminal, other encodings and
  // impossible numbers do no harm, and long lists are cut.
  std::string objects;
  for (int n = 0; n < 50; ++n) objects += R"("table x",)";
  const auto line = parse_ddl_line(
      "pgkeel-ddl 1 {\"at\": \"2026-11-22T07:12:11Z\", \"db\": \"caf\xe9\", \"tag\": \"DROP "
      "TABLE\", \"role\": \"a\\u001b[31m\\nb\", \"pid\": 99999999999999, \"addr\": null, "
      "\"app\": 7, \"objects\": [" +
      objects + "\"" + std::string(900, 'y') + "\"], \"count\": -4}");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->database, "caf?");
  EXPECT_EQ(line->role, "a [31m b");
  EXPECT_EQ(line->pid, 0);
  EXPECT_EQ(line->objects.size(), kDdlObjectsMax);
  EXPECT_EQ(line->count, static_cast<std::int64_t>(kDdlObjectsMax));
  EXPECT_THAT(describe(*line), testing::HasSubstr("over the Unix socket"));
}

}  // namespace
}  // namespace pgkeel::pg
