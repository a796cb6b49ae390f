// CRC-32C against the published vectors, which are what PostgreSQL computes too.
#include "base/crc32c.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel {
namespace {

ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

TEST(Crc32c, known_vectors) {
  // Goal: the check value of the catalogue, and RFC 3720 B.4's 32 zeros, ones and rising bytes.
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8A9136AAU);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xFF'))), 0x62A8AB43U);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(crc32c(bytes_of(rising)), 0x46DD794EU);
}

TEST(Crc32c, nothing_has_the_checksum_zero) {
  // Goal: an empty span is allowed.
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, every_length_agrees_with_the_bitwise_definition) {
  // Goal: words and the odd bytes behind them are joined rightly, whichever path the machine takes.
  std::vector<std::byte> bytes;
  std::uint32_t by_bits = 0xFFFFFFFFU;
  for (unsigned i = 0; i < 70; ++i) {
    bytes.push_back(static_cast<std::byte>(i * 37 + 11));
    by_bits ^= static_cast<std::uint32_t>(bytes.back());
    for (int bit = 0; bit < 8; ++bit)
      by_bits = (by_bits >> 1U) ^ ((by_bits & 1U) != 0 ? 0x82F63B78U : 0U);
    EXPECT_EQ(crc32c(bytes), ~by_bits) << "length " << bytes.size();
    Crc32c in_parts;
    in_parts.update(ByteSpan(bytes).first(bytes.size() / 3));
    in_parts.update(ByteSpan(bytes).subspan(bytes.size() / 3));
    EXPECT_EQ(in_parts.value(), ~by_bits);
  }
}

}  // namespace
}  // namespace pgkeel
