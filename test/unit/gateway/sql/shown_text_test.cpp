// What of a statement is shown to whoever looks at the console.
#include "gateway/sql/shown_text.hpp"

#include <gtest/gtest.h>

namespace pgkeel::gateway::sql {
namespace {

TEST(ShownText, HasNoLiteralAndNoComment) {
  // Goal: words, names and operators stay; values and comments do not, however they are written.
  const auto shown = [](std::string_view sql) { return shown_text(sql, {}); };
  EXPECT_EQ(shown("select a, \"B c\" from t where x >= 17 and y = 'secret'"),
            "select a, \"B c\" from t where x>=? and y=?");
  EXPECT_EQ(shown("insert into t values ($1, E'se\\'cret', $$secret$$) /* secret */ -- secret"),
            "insert into t values($, ?, ?)");
  EXPECT_EQ(shown("select 'it''s secret', B'01', 1.5e3"), "select ?, ?, ?");
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown("select 'secret"), "select");
}

TEST(ShownText, IsBoundedAndDoesNotGuess) {
  // Goal: a long text is cut; where a quote may mean two things nothing behind it is shown.
  std::string many = "select x";
  while (many.size() < 5'000) many += ", x";
  const auto longest = shown_text(many, {});
  EXPECT_EQ(longest.size(), kShownTextMost + 3);
  const auto unsure =
      shown_text(R"(select 'a\', 'secret')", {.backslash = Backslash::Unknown, .encoding = {}});
  EXPECT_EQ(unsure.find("secret"), std::string::npos) << unsure;
  EXPECT_TRUE(unsure.ends_with("...")) << unsure;
}

}  // namespace
}  // namespace pgkeel::gateway::sql
