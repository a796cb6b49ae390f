// The spool: what is written where, and what is refused.
#include "archive/receive/segment_spool.hpp"

#include <gtest/gtest.h>
#include <cstring>
#include <fstream>
#include <iterator>

#include "pg/wal_page.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::uint64_t kSegment = 1U << 20U;
constexpr SystemId kSystem{42};

std::vector<std::byte> wal(std::uint64_t start, std::size_t size, SystemId system = kSystem) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((start + i) * 31 / 7);
  for (std::uint64_t at = 0; at + pg::kWalLongHeaderBytes <= size; ++at) {
    if ((start + at) % kSegment != 0) continue;
    std::memset(&bytes[at], 0, pg::kWalLongHeaderBytes);
    const auto put = [&](std::size_t offset, auto number) {
      std::memcpy(&bytes[at + offset], &number, sizeof number);
    };
    put(2, std::uint16_t{2});
    put(4, std::uint32_t{1});
    put(8, std::uint64_t{start + at});
    put(24, system.value);
    put(32, static_cast<std::uint32_t>(kSegment));
  }
  return bytes;
}

class Spool : public testing::Test {
 protected:
  SegmentSpool open(std::uint64_t free_bytes_min = 0) {
    auto spool = SegmentSpool::open({.directory = dir_.path(),
                                     .segment_bytes = kSegment,
                                     .system_id = kSystem,
                                     .allocation = SpoolOptions::Allocation::Reserved,
                                     .free_bytes_min = free_bytes_min});
    EXPECT_TRUE(spool);
    return *std::move(spool);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& file : list_spool(dir_.path(), kSegment).value()) names.push_back(file.name);
    return names;
  }
  [[nodiscard]] std::string content(std::string_view name) const {
    std::ifstream file(dir_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string text(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static constexpr const char* kFive = "000000010000000000000005";
  static constexpr StreamStart kStart{TimelineId(1), Lsn(5 * kSegment)};
  test::TempDir dir_;
};

TEST_F(Spool, FillsSegmentsAndKeepsTheRestPartial) {
  // Goal: bytes cut anywhere end up in whole segments and one partial of full size.
  auto spool = open();
  EXPECT_FALSE(spool.end());
  ASSERT_TRUE(spool.begin(kStart, {}));
  const auto bytes = wal(5 * kSegment, 2 * kSegment + 100);
  std::size_t at = 0;
  int finished = 0;
  for (const std::size_t size : {100U, 700'000U, 900'000U, 497'152U}) {
    const auto count = spool.write(Lsn(5 * kSegment + at), ByteSpan(bytes).subspan(at, size));
    ASSERT_TRUE(count) << count.error().message();
    finished += *count;
    at += size;
  }
  ASSERT_EQ(at, bytes.size());
  EXPECT_EQ(finished, 2);
  EXPECT_EQ(spool.flushed(), Lsn(7 * kSegment));
  ASSERT_TRUE(spool.flush());
  EXPECT_EQ(spool.flushed(), Lsn(7 * kSegment + 100));
  EXPECT_EQ(content(kFive), text(bytes).substr(0, kSegment));
  EXPECT_EQ(content("000000010000000000000007.partial"),
            text(bytes).substr(2 * kSegment) + std::string(kSegment - 100, '\0'));
  EXPECT_EQ(open().end(), (StreamStart{TimelineId(1), Lsn(7 * kSegment)}));
}

TEST_F(Spool, CallsNothingFlushedWhoseFileIsGone) {
  // Goal: bytes written into a file that was removed are never reported as kept; the segment is
  // received again from its start.
  auto spool = open();
  const auto bytes = wal(5 * kSegment, 1000);
  ASSERT_TRUE(spool.begin(kStart, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, bytes));
  const auto partial = std::string(kFive) + ".partial";
  ASSERT_TRUE(std::filesystem::remove(dir_ / partial));
  const auto flushed = spool.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::NotFound);
  EXPECT_EQ(spool.flushed(), kStart.lsn);
  EXPECT_FALSE(spool.flush());
  ASSERT_TRUE(spool.begin(kStart, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, bytes));
  EXPECT_TRUE(spool.flush());
  EXPECT_EQ(content(partial).substr(0, 1000), text(bytes));
}

TEST_F(Spool, WritesOnlyWhatComesNext) {
  // Goal: neither a gap nor an overlap can be written.
  auto spool = open();
  ASSERT_TRUE(spool.begin(kStart, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, wal(5 * kSegment, 1000)));
  for (const std::uint64_t offset : {0U, 999U, 1001U, 500'000U}) {
    const auto refused = spool.write(Lsn(5 * kSegment + offset), wal(5 * kSegment + offset, 10));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Malformed);
  }
  EXPECT_EQ(spool.written(), Lsn(5 * kSegment + 1000));
}

TEST_F(Spool, RefusesAnotherClustersWal) {
  // Goal: a stranger's first page is not written.
  auto spool = open();
  ASSERT_TRUE(spool.begin(kStart, {}));
  const auto refused = spool.write(kStart.lsn, wal(5 * kSegment, 1000, SystemId(43)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongIdentity);
  const auto elsewhere = spool.write(kStart.lsn, wal(6 * kSegment, 1000));
  EXPECT_EQ(elsewhere.error().code, ErrorCode::WrongIdentity);
  EXPECT_EQ(content(std::string(kFive) + ".partial"), std::string(kSegment, '\0'));
}

TEST_F(Spool, ReceivesAPartialSegmentAgainOverWhatIsThere) {
  // Goal: what was received stays readable while the same comes again; what contradicts it below
  // the trusted position is refused; above it, and where nothing is, the server is right.
  const auto bytes = wal(5 * kSegment, 10'000);
  {
    auto spool = open();
    ASSERT_TRUE(spool.begin(kStart, {}));
    ASSERT_TRUE(spool.write(kStart.lsn, bytes));
    ASSERT_TRUE(spool.flush());
  }
  auto spool = open();
  ASSERT_EQ(spool.end(), kStart);
  ASSERT_TRUE(spool.begin(kStart, Lsn(5 * kSegment + 8'000)));
  EXPECT_EQ(content(std::string(kFive) + ".partial").substr(0, 10'000), text(bytes));
  ASSERT_TRUE(spool.write(kStart.lsn, ByteSpan(bytes).first(4'000)));
  EXPECT_EQ(content(std::string(kFive) + ".partial").substr(0, 10'000), text(bytes));
  auto other = bytes;
  other[7'000] ^= std::byte{1};
  const auto refused = spool.write(Lsn(5 * kSegment + 4'000), ByteSpan(other).subspan(4'000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongIdentity);
  EXPECT_EQ(content(std::string(kFive) + ".partial").substr(0, 10'000), text(bytes));
  other = bytes;
  other[9'000] ^= std::byte{1};
  EXPECT_TRUE(spool.write(Lsn(5 * kSegment + 4'000), ByteSpan(other).subspan(4'000)));
}

TEST_F(Spool, EndsPartialSegmentsItLeaves) {
  // Goal: at a switch or gap the old partial segment is kept under a name of its own.
  auto spool = open();
  ASSERT_TRUE(spool.begin(kStart, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, wal(5 * kSegment, 1000)));
  ASSERT_TRUE(spool.begin({TimelineId(2), kStart.lsn}, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, wal(5 * kSegment, 1000)));
  EXPECT_EQ(names(), (std::vector<std::string>{"000000010000000000000005.ended",
                                               "000000020000000000000005.partial"}));
  EXPECT_EQ(open().end(), (StreamStart{TimelineId(2), kStart.lsn}));
}

TEST_F(Spool, NeverReplacesAWholeSegment) {
  // Goal: a segment that is there is not received again.
  auto spool = open();
  ASSERT_TRUE(spool.begin(kStart, {}));
  ASSERT_TRUE(spool.write(kStart.lsn, wal(5 * kSegment, kSegment)));
  EXPECT_EQ(spool.end(), std::nullopt);
  EXPECT_EQ(open().end(), (StreamStart{TimelineId(1), Lsn(6 * kSegment)}));
  ASSERT_TRUE(spool.begin(kStart, {}));
  EXPECT_EQ(spool.write(kStart.lsn, wal(5 * kSegment, 10)).error().code, ErrorCode::WrongState);
}

TEST_F(Spool, LeavesTheDiskItsReserve) {
  // Goal: no new segment when too little would be left, and nothing of it stays.
  auto spool = open(UINT64_MAX - kSegment);
  ASSERT_TRUE(spool.begin(kStart, {}));
  const auto refused = spool.write(kStart.lsn, wal(5 * kSegment, 1000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::DiskFull);
  EXPECT_TRUE(names().empty());
}

TEST(Contradiction, IsADifferenceWhereSomethingWas) {
  // Goal: blank sectors of our own contradict nothing; anything else that differs does.
  std::vector<std::byte> present(2048);
  std::vector<std::byte> incoming(2048, std::byte{7});
  EXPECT_FALSE(contradicts(present, incoming));
  std::fill_n(present.begin(), 512, std::byte{7});
  EXPECT_FALSE(contradicts(present, incoming));
  present[511] = std::byte{8};
  EXPECT_TRUE(contradicts(present, incoming));
}

}  // namespace
}  // namespace pgkeel::archive
