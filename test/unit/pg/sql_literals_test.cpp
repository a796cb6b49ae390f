// A statement's shape without its values.
#include "pg/sql_literals.hpp"

#include <gtest/gtest.h>

namespace pgkeel::pg {
namespace {

std::string shown(std::string_view sql) { return hide_literals(sql, 200); }

TEST(HideLiterals, KeepsTheShapeAndNoValue) {
  // Goal: names, parameters and words stay; strings of every kind, numbers, comments go (B14 X10).
  EXPECT_EQ(shown("select *  from \"Kunden 1\"\n where a2 = 'it''s' and b=$1 and c > 12.5e3"),
            "select * from \"Kunden 1\" where a2 = ? and b=$1 and c > ?");
  EXPECT_EQ(shown("alter role app password E'a\\'secret' -- secret\n valid until 'x'"),
            "alter role app password ? valid until ?");
  EXPECT_EQ(shown("do $body$ secret 'x' $body$ /* secret /* nested */ secret */ ; $$secret$$"),
            "do ? ; ?");
  EXPECT_EQ(shown("select x'ff', n'secret', t.col_1, größe"), "select ?, ?, t.col_1, größe");
}

TEST(HideLiterals, CutAnywhereShowsNoValue) {
  // Goal: a text cut off within a value, a tag or a comment tells nothing of it, wherever (X5).
  const std::string sql =
      "insert into t values ('secret', E'\\'secret', $q$secret$q$, 5) /* secret */ -- secret";
  for (std::size_t end = 0; end <= sql.size(); ++end)
    EXPECT_EQ(shown(sql.substr(0, end)).find("secret"), std::string::npos) << end;
}

TEST(HideLiterals, ShowsNothingBehindABackslashBeforeAQuote) {
  // Goal: X10: with standard_conforming_strings = off '\'' goes on, with on it ends: both are safe.
  EXPECT_EQ(shown(R"(update t set a = 'it\' secret' where b = 1)"), "update t set a = ?");
  EXPECT_EQ(shown(R"(select N'\', 'secret')"), "select ?");
  EXPECT_EQ(shown(R"(select 'a\\\' secret', 1)"), "select ?");
  // Two backslashes end the string under either setting, and one within it changes nothing.
  EXPECT_EQ(shown(R"(select 'a\\', 'b\c', d from e)"), "select ?, ?, d from e");
}

TEST(HideLiterals, IsBoundedAndCutsBetweenCharacters) {
  // Goal: at most so many bytes, the end is said, no half character, bytes of any kind (X5).
  EXPECT_EQ(hide_literals("select aé from b", 9), "select a...");
  EXPECT_EQ(hide_literals(std::string(100'000, 'a'), 5), "aaaaa...");
  EXPECT_EQ(hide_literals(std::string("a\0b\xff", 4), 50), "a b\xff");
  EXPECT_EQ(hide_literals("", 5), "");
}

}  // namespace
}  // namespace pgkeel::pg
