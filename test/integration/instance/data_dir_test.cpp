#include <gmock/gmock.h>
#include <unistd.h>

#include "integration/instance/fixture.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Each test breaks the directory, asks for a start, and compares the directory before and after.
class DataDirTest : public InstanceTest {
 protected:
  Error start_error() {
    const SystemId expected{42};
    const std::string before = listing(server().temp_dir());
    const auto report = run(instance().start({expected, {}}, soon()));
    EXPECT_EQ(listing(server().temp_dir()), before);
    EXPECT_FALSE(report);
    const auto again = run(instance().preflight());
    EXPECT_FALSE(again);
    return again ? Error() : again.error();
  }
  fs::path dir() { return server().data_dir(); }
};

TEST_F(DataDirTest, AWholeDirectoryIsPresent) {
  // Goal: everything start() depends on is known from files alone.
  const DataDirFacts facts = instance().inspect_data_dir();
  EXPECT_EQ(facts.state, DataDirState::Present) << facts.detail;
  EXPECT_EQ(facts.major, 15);
  ASSERT_TRUE(facts.control);
  EXPECT_EQ(facts.control->major, 15);
  EXPECT_TRUE(facts.filesystem && facts.inode && facts.space);
  ASSERT_TRUE(facts.owner);
  EXPECT_TRUE(run(instance().preflight()));
}

TEST_F(DataDirTest, MissingIsNamedAndNotCreated) {
  // Goal: a lost directory is an error, never an initdb; its file system is that of its parent.
  fs::rename(dir(), server().temp_dir() / "away");
  const Error error = start_error();
  EXPECT_EQ(error.code, ErrorCode::DataDirMissing);
  EXPECT_EQ(error.exit_number(), 3);
  EXPECT_TRUE(instance().inspect_data_dir().filesystem);
  EXPECT_FALSE(fs::exists(dir()));
}

TEST_F(DataDirTest, EmptyAndLostAndFoundAreEmpty) {
  // Goal: an empty volume mounted over the data is recognised and left empty.
  fs::rename(dir(), server().temp_dir() / "away");
  fs::create_directory(dir());
  EXPECT_EQ(start_error().code, ErrorCode::DataDirEmpty);
  fs::create_directory(dir() / "lost+found");
  EXPECT_EQ(start_error().code, ErrorCode::DataDirEmpty);
}

TEST_F(DataDirTest, HalfCopiedIsIncomplete) {
  // Goal: each missing part is named, so that the reader knows what to copy (K25).
  for (const char* part : {"PG_VERSION", "global/pg_control", "base", "pg_wal"}) {
    fs::rename(dir() / part, server().temp_dir() / "part");
    const Error error = start_error();
    EXPECT_EQ(error.code, ErrorCode::DataDirIncomplete) << part;
    EXPECT_THAT(error.detail, HasSubstr(fs::path(part).filename().string()));
    fs::rename(server().temp_dir() / "part", dir() / part);
  }
}

TEST_F(DataDirTest, AnUnmountedTablespaceIsIncomplete) {
  // Goal: recovery over a tablespace whose volume is not there would lose it; it is refused.
  fs::create_directory_symlink("/mnt/not-mounted/ts", dir() / "pg_tblspc" / "16399");
  const Error error = start_error();
  EXPECT_EQ(error.code, ErrorCode::DataDirIncomplete);
  EXPECT_THAT(error.detail, HasSubstr("/mnt/not-mounted/ts"));
}

TEST_F(DataDirTest, AnotherMajorIsNamed) {
  // Goal: a directory of another major version is refused with both versions (D5).
  write_file(dir() / "PG_VERSION", "14\n");
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = dir();
  config.bin_dir = server().bin_dir();
  const auto other = make_instance(loop_, config);
  ASSERT_TRUE(other);
  const auto verdict = run((*other)->preflight());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::DataDirWrongMajor);
  EXPECT_THAT(verdict.error().detail, HasSubstr("of PostgreSQL 14"));
  EXPECT_THAT(verdict.error().detail, HasSubstr("15"));
  EXPECT_EQ(start_error().code, ErrorCode::MissingBinary) << "14 is not installed";
}

TEST_F(DataDirTest, MissingProgramsAreNamed) {
  // Goal: a wrong bin_dir is one clear line with exit code 2.
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = dir();
  config.bin_dir = "/nowhere/bin";
  const auto other = make_instance(loop_, config);
  const auto verdict = run((*other)->preflight());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::MissingBinary);
  EXPECT_EQ(verdict.error().exit_number(), 2);
  EXPECT_THAT(verdict.error().detail, HasSubstr("/nowhere/bin/postgres"));
}

TEST_F(DataDirTest, ForeignOwnersAreNamed) {
  // Goal: a directory, or a part of it, of another user is refused by name (D10).
  if (!runtime::running_as_root()) GTEST_SKIP() << "needs root to give files away";
  const auto owner = instance().inspect_data_dir().owner;
  ASSERT_EQ(::chown((dir() / "global/pg_control").c_str(), 0, 0), 0);
  Error error = start_error();
  EXPECT_EQ(error.code, ErrorCode::DataDirWrongOwner);
  EXPECT_THAT(error.detail, HasSubstr("global/pg_control is owned by root"));
  ASSERT_EQ(::chown(dir().c_str(), 0, 0), 0);
  error = start_error();
  EXPECT_EQ(error.code, ErrorCode::DataDirWrongOwner);
  EXPECT_THAT(error.detail, HasSubstr("owned by root"));
  ASSERT_EQ(::chown(dir().c_str(), owner->uid, owner->gid), 0);
}

TEST_F(DataDirTest, OpenPermissionsAreNamed) {
  // Goal: a mode PostgreSQL refuses is named with the command that mends it (D10).
  fs::permissions(dir(), fs::perms::owner_all | fs::perms::others_read);
  const Error error = start_error();
  EXPECT_EQ(error.code, ErrorCode::Permission);
  EXPECT_THAT(std::string(error.hint()), HasSubstr("chmod 0700"));
}

TEST_F(DataDirTest, ADamagedControlFileIsNamed) {
  // Goal: control_file_lost by a flipped byte is told apart from a missing file (K25).
  std::string bytes = read_all(dir() / "global/pg_control");
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  write_file(dir() / "global/pg_control", bytes);
  const Error error = start_error();
  EXPECT_EQ(error.code, ErrorCode::ControlFileCorrupt);
  EXPECT_THAT(error.message(), HasSubstr("pg_control"));
}

}  // namespace
}  // namespace pgkeel::instance
