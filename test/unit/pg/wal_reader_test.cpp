// WAL cut into records, over streams made here: pages, records over pages and segments, what is
// given up, what is damaged. Real servers' WAL is compared in test/integration/pg.
#include "pg/wal/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/wal/meaning.hpp"
#include "support/wal_writer.hpp"

namespace pgkeel::pg {
namespace {

using test::kMadeWal;
using test::WalWriter;

constexpr auto kFormat = kMadeWal;
constexpr Lsn kStart(4U << 20U);

// Starts of all records, fed in pieces of `piece` bytes.
std::vector<Lsn> read_all(WalReader& reader, ByteSpan bytes, std::size_t piece) {
  std::vector<Lsn> starts;
  for (std::size_t done = 0; done < bytes.size(); done += piece) {
    reader.feed(bytes.subspan(done, std::min(piece, bytes.size() - done)));
    while (true) {
      const auto record = reader.next();
      EXPECT_TRUE(record.has_value()) << record.error().message();
      if (!record || !*record) break;
      starts.push_back((*record)->start);
    }
  }
  return starts;
}

std::string first_error(ByteSpan bytes, Lsn from = kStart) {
  WalReader reader(kFormat, from);
  reader.feed(bytes);
  while (true) {
    const auto record = reader.next();
    if (!record) return record.error().detail;
    if (!*record) return "none";
  }
}

TEST(WalReader, FindsEveryRecordHoweverTheStreamIsCut) {
  // Goal: X1: records of every size, over pages and a segment's end, fed in pieces of any length.
  WalWriter writer(kStart);
  std::vector<Lsn> wanted;
  for (std::size_t i = 0; i < 400; ++i) wanted.push_back(writer.add(i * 37 % 9000 + 1));
  ASSERT_GT(writer.at().value, kStart.value + kFormat.segment_bytes);
  for (const std::size_t piece : {1U, 7U, 8192U, 100'000U, 3'000'000U}) {
    WalReader reader(kFormat, kStart);
    EXPECT_EQ(read_all(reader, writer.bytes(), piece), wanted) << piece;
    EXPECT_EQ(reader.position(), writer.at());
  }
}

TEST(WalReader, BeginsAtARecordAndBehindTheRestOfOne) {
  // Goal: X1: a stream begins within a page, or at a page that continues a record of before.
  WalWriter writer(kStart);
  writer.add(100);
  const auto second = writer.add(50'000);
  const auto third = writer.add(60);
  WalReader at_record(kFormat, second);
  const auto from = second.value - kStart.value;
  EXPECT_THAT(read_all(at_record, ByteSpan(writer.bytes()).subspan(from), 4096),
              testing::ElementsAre(second, third));
  const Lsn page(kStart.value + kWalPageBytes);
  WalReader at_page(kFormat, page);
  EXPECT_THAT(read_all(at_page, ByteSpan(writer.bytes()).subspan(kWalPageBytes), 4096),
              testing::ElementsAre(third));
}

TEST(WalReader, GoesOnAfterASwitchAndAfterWhatWasGivenUp) {
  // Goal: X1: a switch ends its segment; a record cut short by a crash is given up, the next found.
  WalWriter writer(kStart);
  const auto before = writer.add(10);
  const auto change = writer.add(0, 0, 0x40);
  writer.fill(kFormat.segment_bytes);
  const auto behind = writer.add(10);
  WalReader reader(kFormat, kStart);
  EXPECT_THAT(read_all(reader, writer.bytes(), 5000), testing::ElementsAre(before, change, behind));

  WalWriter crashed(kStart);
  const auto whole = crashed.add(10);
  crashed.add(20'000);
  const auto kept = kWalPageBytes;  // the record goes on on pages that were never written
  std::vector<std::byte> bytes(crashed.bytes().begin(),
                               crashed.bytes().begin() + static_cast<std::ptrdiff_t>(kept));
  WalWriter after(Lsn(kStart.value + kept));
  after.give_up();
  const auto next = after.add(30);
  bytes.insert(bytes.end(), after.bytes().begin(), after.bytes().end());
  WalReader again(kFormat, kStart);
  EXPECT_THAT(read_all(again, bytes, 1000), testing::ElementsAre(whole, next));
}

TEST(WalReader, StopsAtDamageAndSaysWhere) {
  // Goal: X1 bad input: a flipped byte, a page of elsewhere, a lying length, another version.
  WalWriter writer(kStart);
  for (int i = 0; i < 300; ++i) writer.add(100);
  ASSERT_EQ(first_error(writer.bytes()), "none");
  const auto broken = [&](std::size_t at, std::byte value) {
    auto bytes = writer.bytes();
    bytes.at(at) = value;
    return first_error(bytes);
  };
  EXPECT_THAT(broken(200, std::byte{0}), testing::HasSubstr("checksum is wrong"));
  EXPECT_THAT(broken(176, std::byte{7}), testing::HasSubstr("does not follow"));
  EXPECT_THAT(broken(40, std::byte{5}), testing::HasSubstr("a record of 5 bytes"));
  EXPECT_THAT(broken(0, std::byte{1}), testing::HasSubstr("is not that of 15"));
  EXPECT_THAT(broken(kWalPageBytes + 9, std::byte{1}), testing::HasSubstr("the page belongs to"));
  EXPECT_THAT(broken(kWalPageBytes + 2, std::byte{0}), testing::HasSubstr("does not continue"));
  auto ended = writer.bytes();
  ended.insert(ended.end(), 4096, std::byte{0});
  WalReader reader(kFormat, kStart);
  static_cast<void>(read_all(reader, ended, ended.size()));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.position(), writer.at());
}

}  // namespace
}  // namespace pgkeel::pg
