// Quoting: one token whatever is inside.
#include "pg/sql_text.hpp"

#include <gtest/gtest.h>

namespace pgkeel::pg {
namespace {

TEST(SqlText, quotes_names) {
  // Goal: keywords, capitals and quotes are only characters.
  EXPECT_EQ(quote_identifier("users"), "\"users\"");
  EXPECT_EQ(quote_identifier("Select \"x\""), "\"Select \"\"x\"\"\"");
  EXPECT_EQ(quote_qualified("my schema", "order"), "\"my schema\".\"order\"");
}

TEST(SqlText, quotes_values) {
  // Goal: quotes are doubled; a backslash cannot end a string in either setting of the server.
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal("o'brien"), "'o''brien'");
  EXPECT_EQ(quote_literal("\\' or 1=1 --"), " E'\\\\'' or 1=1 --'");
}

TEST(SqlText, refuses_what_no_text_may_hold) {
  // Goal: a zero byte would end the statement early.
  EXPECT_FALSE(quote_identifier("").has_value());
  EXPECT_FALSE(quote_identifier(std::string_view("a\0b", 3)).has_value());
  EXPECT_FALSE(quote_qualified("", "x").has_value());
  EXPECT_EQ(quote_literal(std::string_view("a\0b", 3)).error().code, ErrorCode::Malformed);
}

}  // namespace
}  // namespace pgkeel::pg
