// The bounded reader: fields in order, padding as C lays it, and never a byte behind the end.
#include "base/bytes.hpp"

#include <gtest/gtest.h>
#include <array>

namespace pgkeel {
namespace {

constexpr std::array kBytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5},
                            std::byte{6}, std::byte{7}, std::byte{8}, std::byte{9}};

TEST(ByteReader, reads_little_and_big_endian) {
  // Goal: the same bytes give the file's number and the wire's number.
  ByteReader file(kBytes);
  EXPECT_EQ(file.read<std::uint32_t>(), 0x04030201U);
  ByteReader wire(kBytes);
  EXPECT_EQ(wire.read_be<std::uint32_t>(), 0x01020304U);
  EXPECT_EQ(wire.read_be<std::uint16_t>(), 0x0506U);
}

TEST(ByteReader, a_short_read_yields_zero_and_stays_failed) {
  // Goal: running off the end is one flag to check, not memory to read, and cannot be undone.
  ByteReader reader(kBytes);
  reader.skip(8);
  EXPECT_EQ(reader.read<std::uint32_t>(), 0U);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_EQ(reader.read<std::uint8_t>(), 0U);
  EXPECT_TRUE(reader.take(0).empty());
}

TEST(ByteReader, align_pads_as_a_struct_does) {
  // Goal: align() moves to the next multiple and not at all when already there.
  ByteReader reader(kBytes);
  reader.align(8);
  EXPECT_EQ(reader.offset(), 0U);
  reader.skip(1);
  reader.align(4);
  EXPECT_EQ(reader.offset(), 4U);
  reader.align(4);
  EXPECT_EQ(reader.offset(), 4U);
}

TEST(ByteReader, a_huge_count_does_not_wrap_around) {
  // Goal: a length from outside near SIZE_MAX fails instead of passing the bound by overflow.
  ByteReader reader(kBytes);
  reader.skip(4);
  EXPECT_TRUE(reader.take(SIZE_MAX).empty());
  EXPECT_TRUE(reader.failed());
}

TEST(ByteReader, seek_may_reach_the_end_but_not_pass_it) {
  // Goal: the end is a place, one behind it is not.
  ByteReader reader(kBytes);
  reader.seek(kBytes.size());
  EXPECT_FALSE(reader.failed());
  reader.seek(kBytes.size() + 1);
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace pgkeel
