// Text on terminals: widths, wrapping, colours, and nothing that drives a terminal from outside.
#include "app/look.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

TEST(Look, CountsColumnsNotBytes) {
  // Goal: UTF-8 and colour sequences do not disturb the columns.
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("заказы"), 6U);
  EXPECT_EQ(columns_of("\033[1;31mabc\033[0m"), 3U);
}

TEST(Look, CutsAtColumns) {
  // Goal: a cut text is as wide as asked, stays valid UTF-8 and ends its colour.
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("заказы", 3), "за…");
  EXPECT_EQ(cut("\033[32mabcdef\033[0m", 3), "\033[32mab…\033[0m");
}

TEST(Look, WrapsWords) {
  // Goal: lines stay within the width and following ones are indented; a long word stays whole.
  EXPECT_EQ(wrap("one two three four", 10, 2), "one two\n  three\n  four\n");
  EXPECT_EQ(wrap("a-word-that-is-too-long x", 8, 2), "a-word-that-is-too-long\n  x\n");
  EXPECT_EQ(wrap("", 10, 2), "\n");
}

TEST(Look, AlignsColumns) {
  // Goal: columns are aligned by what is seen, and trailing spaces are left out.
  EXPECT_EQ(columns({{"a", "bb", "x"}, {"ccc", "d", ""}}, 80), "a    bb  x\nccc  d\n");
  EXPECT_EQ(columns({{"aaaa", "bbbb"}}, 8), "aaaa  b…\n");
}

TEST(Look, MakesControlCharactersVisible) {
  // Goal: a table named after an escape sequence cannot clear the operator's screen.
  EXPECT_EQ(printable("a\033[2Jb\n\x7f\tc"), "a\\x1b[2Jb\\x0a\\x7f c");
}

TEST(Look, PaintsOnlyWhereColoursAre) {
  // Goal: no sequences without a terminal.
  const Look plain;
  EXPECT_EQ(plain.paint(Tone::Bad, "x"), "x");
  const Look colourful{.colour = true};
  EXPECT_EQ(colourful.paint(Tone::Bad, "x"), "\033[1;31mx\033[0m");
  EXPECT_EQ(colourful.paint(Tone::Plain, "x"), "x");
}

}  // namespace
}  // namespace pgkeel::app
