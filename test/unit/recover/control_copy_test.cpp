// Whether a kept control file may take a lost one's place: all WAL from its redo position on has to
// be there, of the same cluster and without a gap (D7 X8 K25).
#include "recover/control_copy.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "pg/wal_name.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kSegment = 1U << 20U;
constexpr std::uint32_t kPage = 8192;
constexpr std::uint64_t kPages = kSegment / kPage;
constexpr SystemId kOurs{7};
constexpr SystemId kStrangers{8};

pg::ControlFile checkpoint_in(std::uint64_t segment) {
  pg::ControlFile copy;
  copy.system_id = kOurs;
  copy.timeline = TimelineId(1);
  copy.wal_level = 1;
  copy.wal_segment_bytes = kSegment;
  copy.wal_block_size = kPage;
  copy.redo = Lsn(segment * kSegment + 1000);
  copy.checkpoint = Lsn(segment * kSegment + 2000);
  return copy;
}

template <class Number>
void put(std::string& bytes, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i)
    bytes[at + i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
}

class Wal : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory() / "pg_wal"); }

  [[nodiscard]] std::filesystem::path directory() const { return dir_.path(); }

  /// A segment named `named` whose pages say that it is `holds`; `whole` of them, then zeros.
  void add(std::uint64_t named, std::uint64_t holds, SystemId of = kOurs, std::uint32_t line = 1,
           std::uint64_t whole = kPages) {
    std::string bytes(kSegment, '\0');
    for (std::uint64_t page = 0; page < whole; ++page) {
      put(bytes, page * kPage, std::uint16_t{0xD110});
      put(bytes, page * kPage + 4, std::uint32_t{1});
      put(bytes, page * kPage + 8, holds * kSegment + page * kPage);
    }
    put(bytes, 2, std::uint16_t{2});
    put(bytes, 24, of.value);
    put(bytes, 32, kSegment);
    std::ofstream(file(named, line)) << bytes;
  }
  [[nodiscard]] std::filesystem::path file(std::uint64_t number, std::uint32_t line = 1) const {
    return directory() / "pg_wal" / pg::segment_name({TimelineId(line), number}, kSegment);
  }
  void overwrite(std::uint64_t number, std::uint64_t at, std::string_view bytes) const {
    std::fstream(file(number), std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(at))
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void add_whole(std::uint64_t from, std::uint64_t to) {
    for (auto number = from; number <= to; ++number) add(number, number);
  }

  [[nodiscard]] Result<Lsn> reach(std::uint64_t checkpoint, Lsn reached = Lsn(0)) const {
    return replayable_to(directory(), checkpoint_in(checkpoint), reached);
  }

 private:
  test::TempDir dir_;
};

TEST_F(Wal, ReachesToItsEnd) {
  // Goal: older segments and those made for later, which bear an old header, are neither needed nor
  // taken for a gap.
  add_whole(2, 6);
  add(8, 1);
  const auto end = reach(3, Lsn(5 * std::uint64_t{kSegment} + 1));
  ASSERT_TRUE(end.has_value()) << end.error().message();
  EXPECT_EQ(*end, Lsn(7 * std::uint64_t{kSegment}));
}

TEST_F(Wal, RefusesAGap) {
  // Goal: a replay that would end before rows that are still there is never begun.
  add_whole(3, 4);
  add_whole(6, 6);
  const auto end = reach(3);
  ASSERT_FALSE(end.has_value());
  EXPECT_THAT(end.error().message(), HasSubstr("000000010000000000000005"));
}

TEST_F(Wal, RefusesWithoutTheBeginning) {
  // Goal: the checkpoint's own WAL is needed.
  add_whole(4, 6);
  EXPECT_THAT(reach(3).error().message(), HasSubstr("000000010000000000000003"));
}

TEST_F(Wal, RefusesAnotherClusters) {
  // Goal: the control file of one cluster never comes to the data of another.
  for (std::uint64_t number = 3; number <= 6; ++number) add(number, number, kStrangers);
  EXPECT_EQ(reach(3).error().code, ErrorCode::WrongState);
}

TEST_F(Wal, RefusesWhenItEndsBeforeWhatWasReached) {
  // Goal: what the guard has seen the server write must be in what is replayed.
  add_whole(3, 4);
  EXPECT_TRUE(reach(3, Lsn(4 * std::uint64_t{kSegment} + 5)).has_value());
  EXPECT_FALSE(reach(3, Lsn(6 * std::uint64_t{kSegment})).has_value());
}

TEST_F(Wal, RefusesAnotherTimeline) {
  // Goal: a copy from before a switch of timelines is too old.
  add_whole(3, 4);
  add(4, 4, kOurs, 2);
  EXPECT_THAT(reach(3).error().message(), HasSubstr("timeline"));
}

TEST_F(Wal, RefusesADamagedSegment) {
  // Goal: a replay that would end, without a word, in the middle of what is there is never begun:
  // a page of another place, a short file, zeros before a segment that goes on with a record.
  add_whole(3, 6);
  overwrite(4, 5 * kPage + 8, "elsewhere");
  EXPECT_THAT(reach(3).error().message(), HasSubstr("000000010000000000000004 is damaged"));
  add(4, 4);
  std::filesystem::resize_file(file(4), kSegment / 2);
  EXPECT_EQ(reach(3).error().code, ErrorCode::Malformed);
  add(4, 4, kOurs, 1, 20);
  EXPECT_TRUE(reach(3).has_value());  // it was switched
  constexpr std::string_view kGoesOn{"\3\0", 2};
  overwrite(5, 2, kGoesOn);
  EXPECT_THAT(reach(3).error().message(), HasSubstr("000000010000000000000005 is damaged"));
}

TEST_F(Wal, EndsWhereTheLastSegmentDoes) {
  // Goal: what was received of the last segment counts, what an earlier use left in it does not.
  add_whole(3, 4);
  overwrite(4, 20 * kPage + 8, "earlier use");
  const auto end = reach(3);
  ASSERT_TRUE(end.has_value()) << end.error().message();
  EXPECT_EQ(*end, Lsn(4 * std::uint64_t{kSegment} + 20 * kPage));
  EXPECT_THAT(reach(3, Lsn(end->value + 1)).error().message(), HasSubstr("ends at"));
}

TEST_F(Wal, RefusesWhatTheWalDoesNotTell) {
  // Goal: with wal_level = minimal a replay from further back may destroy what no WAL has.
  add_whole(3, 4);
  auto copy = checkpoint_in(3);
  copy.wal_level = 0;
  EXPECT_THAT(replayable_to(directory(), copy, Lsn(0)).error().message(), HasSubstr("minimal"));
}

TEST_F(Wal, IsNotThere) {
  // Goal: a directory that cannot be read is an error, not an end.
  std::filesystem::remove_all(directory() / "pg_wal");
  EXPECT_EQ(reach(3).error().code, ErrorCode::Io);
}

TEST(ControlCopy, IsNotTakenFromGarbage) {
  // Goal: a missing, short or damaged copy is refused with a reason.
  const test::TempDir dir;
  incident::Identity identity;
  identity.system_id = kOurs;
  EXPECT_EQ(read_control_copy(dir.path(), identity).error().code, ErrorCode::NotFound);
  std::ofstream(dir.path() / "pg_control") << std::string(512, 'x');
  EXPECT_EQ(read_control_copy(dir.path(), identity).error().code, ErrorCode::ControlFileCorrupt);
}

}  // namespace
}  // namespace pgkeel::recover
