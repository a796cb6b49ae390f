// The first page of a WAL segment.
#include "pg/wal_page.hpp"

#include <gtest/gtest.h>
#include <array>
#include <cstring>

namespace pgkeel::pg {
namespace {

std::array<std::byte, kWalLongHeaderBytes> header_bytes() {
  std::array<std::byte, kWalLongHeaderBytes> bytes{};
  const auto put = [&bytes](std::size_t at, auto number) {
    std::memcpy(bytes.data() + at, &number, sizeof number);
  };
  put(0, std::uint16_t{0xD110});
  put(2, std::uint16_t{2});
  put(4, std::uint32_t{3});
  put(8, std::uint64_t{0x5000000});
  put(24, std::uint64_t{7'000'000'000'000'000'001});
  put(32, std::uint32_t{16U << 20U});
  put(36, std::uint32_t{8192});
  return bytes;
}

TEST(WalSegmentHeader, IsRead) {
  // Goal: whose WAL it is and where it belongs.
  const auto header = parse_wal_segment_header(header_bytes());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->timeline, TimelineId(3));
  EXPECT_EQ(header->start, Lsn(0x5000000));
  EXPECT_EQ(header->system_id, SystemId(7'000'000'000'000'000'001));
  EXPECT_EQ(header->segment_bytes, 16U << 20U);
}

TEST(WalSegmentHeader, RefusesEverythingElse) {
  // Goal: a short header, too few bytes, no timeline and an impossible size are no header.
  for (const std::size_t at : {2U, 4U, 35U}) {
    auto bytes = header_bytes();
    bytes[at] = std::byte{0};
    EXPECT_FALSE(parse_wal_segment_header(bytes)) << at;
  }
  const auto bytes = header_bytes();
  EXPECT_FALSE(parse_wal_segment_header(ByteSpan(bytes).first(kWalLongHeaderBytes - 1)));
}

}  // namespace
}  // namespace pgkeel::pg
