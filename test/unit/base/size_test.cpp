// Sizes as PostgreSQL reads them: binary multiples.
#include <gtest/gtest.h>

#include "base/time.hpp"

namespace pgkeel {
namespace {

TEST(Size, reads_binary_multiples) {
  // Goal: 1 kB is 1024 bytes, with or without a blank, a fraction or the i.
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("1kB"), 1024U);
  EXPECT_EQ(parse_size("512 MiB"), 512U << 20U);
  EXPECT_EQ(parse_size("10GB"), 10ULL << 30U);
  EXPECT_EQ(parse_size("1.5GB"), 1536ULL << 20U);
  EXPECT_EQ(parse_size("2TB"), 2ULL << 40U);
}

TEST(Size, refuses_what_is_none) {
  // Goal: no negative, unknown or boundless size.
  for (const auto* text : {"", "GB", "-1MB", "5 bananas", "inf", "nan", "9999999999999TB"})
    EXPECT_EQ(parse_size(text).error().code, ErrorCode::ConfigBadValue) << text;
}

TEST(Size, speaks_to_people) {
  // Goal: one decimal at most, the unit that keeps the number small.
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 kB");
  EXPECT_EQ(format_size(10ULL << 30U), "10.0 GB");
}

}  // namespace
}  // namespace pgkeel
