#include "incident/text.hpp"

#include <gmock/gmock.h>

namespace pgkeel::incident {
namespace {

using testing::ElementsAre;

TEST(Text, KeepsUtf8AndReplacesTheRest) {
  // What is stored can always be written as JSON, whatever encoding a server speaks.
  for (const std::string good : {"", "plain", "Müller €", "\xF0\x9F\x90\x98", "\xEF\xBF\xBD"})
    EXPECT_EQ(valid_utf8(good), good);
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("M\xFCller"), "M" + mark + "ller");
  EXPECT_EQ(valid_utf8(std::string("a\0b", 3)), "a" + mark + "b");
  EXPECT_EQ(valid_utf8("\xC0\x80"), mark + mark) << "overlong";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), mark + mark + mark) << "surrogate";
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark) << "above U+10FFFF";
  EXPECT_EQ(valid_utf8("cut \xE2\x82"), "cut " + mark + mark);
}

TEST(Text, ALineIsOneLine) {
  // A server's message cannot move the cursor, change colours or start a second line.
  EXPECT_EQ(one_line("a\nb\tc\r\n"), "a b c");
  EXPECT_EQ(one_line("\x1b[31mred\x07"), "?[31mred?");
}

TEST(Text, IsCutBetweenCharacters) {
  // Goal: a character that does not fit is left out whole, or systemd would drop the line (X4).
  EXPECT_EQ(cut_at_character("aä", 3), "aä");
  EXPECT_EQ(cut_at_character("aä", 2), "a");
  EXPECT_EQ(cut_at_character("a\xF0\x9F\x98\x80z", 4), "a");
  EXPECT_EQ(cut_at_character("a\xF0\x9F\x98\x80z", 5), "a\xF0\x9F\x98\x80");
  EXPECT_EQ(cut_at_character("ä", 0), "");
}

TEST(Text, WrapsAtSpaces) {
  // No line is wider than asked for, no word is lost, long words are cut between characters.
  EXPECT_THAT(wrap("", 10), ElementsAre(""));
  EXPECT_THAT(wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("one two", 7), ElementsAre("one two"));
  EXPECT_THAT(wrap("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrap("äöü äöü", 3), ElementsAre("äöü", "äöü"));
  EXPECT_THAT(wrap("äöüä", 3), ElementsAre("äöü", "ä"));
  EXPECT_THAT(wrap("ab", 0), ElementsAre("a", "b"));
  EXPECT_EQ(columns_of("äöü"), 3);
}

}  // namespace
}  // namespace pgkeel::incident
