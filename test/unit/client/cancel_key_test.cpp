// The cancel key as libpq's protocol trace shows it.
#include <gtest/gtest.h>

#include "client/cancel.hpp"

namespace pgkeel::client {
namespace {

TEST(CancelKeyTest, ReadsTheLineOfBackendKeyData) {
  // Goal: pid and secret are read from the trace, a negative secret included.
  const auto key =
      parse_traced_key("2026-11-21 03:35:53.563590\tB\t12\tBackendKeyData\t 11094 953294724");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->pid, 11094);
  EXPECT_EQ(key->secret, 953294724);
  const auto negative = parse_traced_key("B\t12\tBackendKeyData\t 7 -2147483648");
  ASSERT_TRUE(negative.has_value());
  EXPECT_EQ(negative->secret, std::numeric_limits<std::int32_t>::min());
}

TEST(CancelKeyTest, RefusesEverythingElse) {
  // Goal: other lines, cut lines and longer keys (protocol 3.2) yield no key instead of a wrong
  // one.
  for (const char* line :
       {"", "B\t5\tReadyForQuery\t I", "BackendKeyData", "BackendKeyData\t 11094",
        "BackendKeyData\t 11094 x", "BackendKeyData\t 1 2 3", "BackendKeyData\t 1 99999999999"})
    EXPECT_FALSE(parse_traced_key(line).has_value()) << line;
}

}  // namespace
}  // namespace pgkeel::client
