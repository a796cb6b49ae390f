// Names in commands that people paste.
#include <gtest/gtest.h>

#include "diagnose/shell_words.hpp"

namespace pgkeel::diagnose {
namespace {

TEST(ShellWords, AreOneWordWhateverTheyHold) {
  // Goal: D9: nothing in the name of a database is run by who pastes a hint.
  EXPECT_EQ(shell_word("shop-1.old"), "shop-1.old");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b; rm"), "'a b; rm'");
  EXPECT_EQ(shell_word("$(reboot)`id`"), "'$(reboot)`id`'");
  EXPECT_EQ(shell_word("it's"), R"('it'\''s')");
}

TEST(ShellWords, ANameThatLooksLikeAConnectionStringIsNone) {
  // Goal: D9: a database called like one would send the program, and a password, elsewhere.
  EXPECT_EQ(dbname_option("shop"), "--dbname=shop");
  EXPECT_EQ(dbname_option("it's"), R"(--dbname='it'\''s')");
  EXPECT_EQ(dbname_option("host=evil"), R"(--dbname='dbname='\''host=evil'\''')");
  EXPECT_EQ(dbname_option("postgres://evil/x"), R"(--dbname='dbname='\''postgres://evil/x'\''')");
  EXPECT_EQ(dbname_option("postgresql://e"), R"(--dbname='dbname='\''postgresql://e'\''')");
  EXPECT_EQ(dbname_option(R"(a='b\)"), R"(--dbname='dbname='\''a=\'\''b\\'\''')");
}

}  // namespace
}  // namespace pgkeel::diagnose
