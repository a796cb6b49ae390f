// What fills a disk, how much to add, and whose a temporary file is (A6).
#include "recover/room.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "recover/temp_files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using diagnose::SizeSample;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kGb = 1ULL << 30U;
constexpr std::uint64_t kMb = 1ULL << 20U;
const WallTime kNow{std::chrono::seconds(1'800'000'000)};

void write(const fs::path& file, std::size_t bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << std::string(bytes, 'x');
}

std::uint64_t taken(const RoomAccount& account, std::string_view what) {
  const auto found = std::ranges::find(account.uses, what, &RoomUse::what);
  return found == account.uses.end() ? 0 : found->bytes;
}

TEST(Room, IsAccountedForByWhoseItIs) {
  // Goal: WAL, databases, temporary files, log, archive, ballast and what was set aside are told
  // apart, each counted once, although one directory lies in another.
  const test::TempDir dir;
  const auto data_dir = dir / "state/main";
  write(data_dir / "pg_wal/000000010000000000000001", 5 * kMb);
  write(data_dir / "base/5/1259", 3 * kMb);
  write(data_dir / "base/pgsql_tmp/pgsql_tmp77.0", 2 * kMb);
  write(data_dir / "log/postgresql.log", kMb);
  write(data_dir / "pg_xact/0000", 8192);
  write(dir / "state/archive/wal/a.zst", 4 * kMb);
  write(dir / "state/pgkeel.db", 8192);
  write(dir / "state/main.pgkeel-ballast", kMb);
  write(dir / "state/main.pgkeel-aside-1/base/5/1", 2 * kMb);
  const auto account = account_for(data_dir, {data_dir, dir / "state/archive", dir / "state"});
  ASSERT_TRUE(account.has_value()) << account.error().message();
  const auto about = [&](std::string_view what, std::uint64_t bytes) {
    EXPECT_GE(taken(*account, what), bytes) << what;
    EXPECT_LT(taken(*account, what), bytes + (kMb / 2)) << what;
  };
  about("WAL", 5 * kMb);
  about("databases", 3 * kMb);
  about("temporary files", 2 * kMb);
  about("the server's log", kMb);
  about("pgkeel's archive", 4 * kMb);
  about("the ballast", kMb);
  about("what pgkeel set aside", 2 * kMb);
  EXPECT_GT(taken(*account, "pgkeel's state"), 0U);
  EXPECT_THAT(uses_words(*account), HasSubstr("everything else on it"));
  std::uint64_t sum = 0;
  for (const auto& use : account->uses) sum += use.bytes;
  EXPECT_LE(sum, account->room.bytes_total);
}

TEST(Room, ToAddLastsForAMonthAtThisPace) {
  // Goal: thirty days of growth less what is free; a fifth at least, also where it is not known.
  EXPECT_EQ(to_add({100 * kGb, 0, 0, 0}, 2.0 * kGb), 60 * kGb);
  EXPECT_EQ(to_add({100 * kGb, 10 * kGb, 0, 0}, 2.0 * kGb), 50 * kGb);
  EXPECT_EQ(to_add({100 * kGb, 0, 0, 0}, 0.1 * kGb), 20 * kGb);
  EXPECT_EQ(to_add({100 * kGb, 0, 0, 0}, std::nullopt), 20 * kGb);
  EXPECT_EQ(to_add({100 * kGb, 0, 0, 0}, -5.0 * kGb), 20 * kGb);
  EXPECT_EQ(to_add({500 * kMb, 0, 0, 0}, std::nullopt), 100 * kMb);
  EXPECT_GT(to_add({100 * kGb, 0, 0, 0}, 1e300), 0U);
}

TEST(Room, GrowthIsToldWithItsFigures) {
  // Goal: by how much a day, over which time, and what to add; nothing is made up.
  const runtime::DiskSpace room{100 * kGb, 0, 0, 0};
  const std::vector<SizeSample> grown{{kNow, 20 * kGb}, {kNow - Seconds(4 * 86'400), 12 * kGb}};
  EXPECT_EQ(growth_words(room, grown),
            "it grew by 2.0 GB a day in the last 4 days: give it 60.0 GB more for 30 days");
  EXPECT_THAT(growth_words(room, {}), HasSubstr("not known yet; give it 20.0 GB more"));
  const std::vector<SizeSample> shrunk{{kNow, kGb}, {kNow - Seconds(86'400), 2 * kGb}};
  EXPECT_THAT(growth_words(room, shrunk), HasSubstr("did not grow in the last 1 day"));
}

TEST(Room, ASmallTablespaceIsNotAlwaysFull) {
  // Goal: what diagnosis calls full is full here, too, and a tablespace of 64 MB may be used.
  using enum sense::SpaceRole;
  EXPECT_FALSE(is_full(Tablespace, {64 * kMb, 20 * kMb, 10, 5}));
  EXPECT_TRUE(is_full(Tablespace, {64 * kMb, kMb, 10, 5}));
  EXPECT_TRUE(is_full(Data, {kGb, 31 * kMb, 10, 5}));
  EXPECT_FALSE(is_full(Data, {kGb, 33 * kMb, 10, 5}));
  EXPECT_TRUE(is_full(Data, {kGb, kGb / 2, 10, 0}));
  EXPECT_FALSE(is_full(Data, {kGb, kGb / 2, 0, 0})) << "it counts no inodes";
  EXPECT_FALSE(is_full(Data, {}));
  EXPECT_FALSE(is_full(SharedMemory, {kMb, 0, 10, 5}));
}

TEST(TempFiles, SayWhoseTheyAre) {
  // Goal: by the name alone, and only of files PostgreSQL names so.
  EXPECT_EQ(temp_file_owner("pgsql_tmp4711.0"), 4711);
  EXPECT_EQ(temp_file_owner("pgsql_tmp4711.3.sharedfileset"), 4711);
  EXPECT_EQ(temp_file_owner("pgsql_tmp4711.3.fileset"), 4711);
  for (const auto* name : {"pgsql_tmp", "pgsql_tmp4711", "pgsql_tmp.0", "pgsql_tmp-1.0", "4711.0",
                           "pgsql_tmp99999999999999999999.0", "t4711_1234"})
    EXPECT_EQ(temp_file_owner(name), 0) << name;
}

TEST(TempFiles, AreFoundInEveryPlace) {
  // Goal: of the data directory and of tablespaces, those shared with workers included.
  const test::TempDir dir;
  const auto data_dir = dir / "main";
  const auto space = dir / "fast";
  write(data_dir / "base/pgsql_tmp/pgsql_tmp11.0", kMb);
  write(data_dir / "base/pgsql_tmp/pgsql_tmp11.1.fileset/i1of2.p0.0", kMb);
  write(data_dir / "base/pgsql_tmp/somebody's", kMb);
  write(space / "PG_15_202209061/pgsql_tmp/pgsql_tmp12.0", kMb);
  fs::create_directories(data_dir / "pg_tblspc");
  fs::create_directory_symlink(space, data_dir / "pg_tblspc/16384");
  std::map<pid_t, std::uint64_t> bytes;
  for (const auto& file : temp_files(data_dir)) bytes[file.pid] += file.bytes;
  EXPECT_THAT(bytes, testing::UnorderedElementsAre(testing::Pair(11, testing::Ge(2 * kMb)),
                                                   testing::Pair(12, testing::Ge(kMb))));
}

}  // namespace
}  // namespace pgkeel::recover
