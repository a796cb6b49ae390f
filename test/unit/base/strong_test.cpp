// Text forms of WAL positions and identifiers, as the server prints them.
#include "base/strong.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace pgkeel {
namespace {

TEST(Lsn, prints_as_the_server_does) {
  // Goal: two hexadecimal halves, capitals, no leading zeros.
  EXPECT_EQ(to_string(Lsn{0x16'B374D848}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{}), "0/0");
  EXPECT_EQ(to_string(Lsn{std::numeric_limits<std::uint64_t>::max()}), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, reads_what_it_prints) {
  // Goal: no position is lost on the way through text, in either case of letters.
  for (const std::uint64_t value : {0ULL, 1ULL, 0x16'B374D848ULL, 0xFFFFFFFF'FFFFFFFFULL})
    EXPECT_EQ(parse_lsn(to_string(Lsn{value})), Lsn{value});
  EXPECT_EQ(parse_lsn("a/b"), (Lsn{0xA'0000000BULL}));
}

TEST(Lsn, refuses_everything_else) {
  // Goal: no half, no sign, no blank, no third part, no number over 32 bits a half.
  for (const auto* text : {"", "/", "1/", "/1", "16B374D848", "1/2/3", " 1/2", "1/2 ", "-1/2",
                           "0x1/2", "100000000/0", "g/1"})
    EXPECT_EQ(parse_lsn(text).error().code, ErrorCode::Malformed) << text;
}

TEST(SystemId, reads_decimal_above_zero) {
  // Goal: the whole 64-bit range, and zero (no cluster) refused.
  EXPECT_EQ(parse_system_id("7710465676726800373"), SystemId{7710465676726800373ULL});
  EXPECT_EQ(parse_system_id("18446744073709551615"), SystemId{~0ULL});
  for (const auto* text : {"", "0", "-1", "12x", "18446744073709551616"})
    EXPECT_FALSE(parse_system_id(text).has_value()) << text;
}

TEST(Strong, zero_is_no_value) {
  // Goal: valid() tells "none" from everything else, and order is the number's.
  EXPECT_FALSE(Lsn{}.valid());
  EXPECT_TRUE(TimelineId{1}.valid());
  EXPECT_LT(Lsn{1}, Lsn{2});
}

}  // namespace
}  // namespace pgkeel
