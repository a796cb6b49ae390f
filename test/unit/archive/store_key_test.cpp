// Keys: what may name an object, and what could leave the store.
#include <gtest/gtest.h>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {
namespace {

TEST(CheckKey, TakesWhatTheLayoutUses) {
  // Goal: every kind of key in layout.hpp is one.
  for (const auto* key :
       {"archive.json", "backups/latest", "backups/20261121T030000Z/data/00007.tar.zst.sealed",
        "wal/0000000100000000/000000010000000000000003-00ff.zst", "dumps/shop_1/x+y/dump.json"})
    EXPECT_TRUE(check_key(key)) << key;
}

TEST(CheckKey, RefusesWhatCouldLeaveTheStore) {
  // Goal: no key climbs, is absolute, hides, is empty in parts, or needs quoting somewhere.
  for (const auto* key : {"", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/",
                          ".tmp/x", "a/.hidden", "a b", "a\nb", "a%2e", "\xc3\xa4", "a\\b", "a:b"})
    EXPECT_EQ(check_key(key).error().code, ErrorCode::Refused) << key;
  EXPECT_FALSE(check_key(std::string("a\0b", 3)));
}

TEST(CheckKey, RefusesWhatIsTooLong) {
  // Goal: what one kind of store cannot name, none takes.
  EXPECT_TRUE(check_key(std::string(255, 'a')));
  EXPECT_FALSE(check_key(std::string(256, 'a')));
  std::string deep = "a";
  for (int i = 1; i < 16; ++i) deep += "/a";
  EXPECT_TRUE(check_key(deep));
  EXPECT_FALSE(check_key(deep + "/a"));
}

TEST(CheckKey, LeavesTheReceiversDirectoryAlone) {
  // Goal: WAL on its way in is no object and cannot be overwritten as one.
  EXPECT_FALSE(check_key("incoming/000000010000000000000003"));
  EXPECT_FALSE(check_key("incoming"));
  EXPECT_TRUE(check_key("incoming.json"));
}

}  // namespace
}  // namespace pgkeel::archive
