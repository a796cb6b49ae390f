// A directory as a store: modes, links, leftovers, and what somebody else put into it. What every
// store has to do is in integration/archive/store_conformance_test.cpp.
#include "archive/storage/posix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "archive/storage/open.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<Store>> open_at(const std::string& where) {
  StoreAddress address;
  address.where = where;
  return open_store(address);
}

class PosixStoreTest : public testing::Test {
 protected:
  void put(const std::string& path, std::string_view text) const {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << text;
  }
  [[nodiscard]] std::string text_of(const std::string& path) const {
    std::ifstream file(dir_ / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] mode_t mode_of(const std::string& path) const {
    struct stat status{};
    return ::lstat((dir_ / path).c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  [[nodiscard]] std::vector<std::string> keys(const std::string& prefix = "") const {
    std::vector<std::string> found;
    for (const auto& object : *store_->list(prefix)) found.push_back(object.key);
    return found;
  }

  const test::TempDir dir_;
  std::unique_ptr<Store> store_ = *open_posix_store(dir_.path());
};

TEST_F(PosixStoreTest, OnlyItsUserMayRead) {
  // Goal: files 0600, directories 0700, the store itself 0700 when it is made.
  ASSERT_TRUE(write_object(*store_, "backups/one/backup.json", "{}", Replace::Never));
  EXPECT_EQ(mode_of("backups/one/backup.json"), 0600U);
  EXPECT_EQ(mode_of("backups/one"), 0700U);
  EXPECT_EQ(mode_of(".tmp"), 0700U);
  ASSERT_TRUE(open_at(dir_ / "new"));
  EXPECT_EQ(mode_of("new"), 0700U);
}

TEST_F(PosixStoreTest, OnlyTheLastDirectoryIsMade) {
  // Goal: a missing parent is a missing mount, not something to make.
  const auto opened = open_at(dir_ / "missing/archive");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::NotFound);
  EXPECT_THAT(std::string(opened.error().hint()), testing::HasSubstr("mount"));
  EXPECT_FALSE(fs::exists(dir_ / "missing"));
  EXPECT_EQ(open_at("archive").error().code, ErrorCode::ConfigBadValue);
  put("file", "");
  EXPECT_FALSE(open_at(dir_ / "file"));
}

TEST_F(PosixStoreTest, LinksAreNotFollowed) {
  // Goal: a link in the store neither reads, replaces, lists nor removes anything outside it.
  const test::TempDir outside;
  std::ofstream(outside / "secret") << "secret";
  fs::create_symlink(outside / "secret", dir_ / "link");
  fs::create_directory_symlink(outside.path(), dir_ / "wal");
  EXPECT_EQ(store_->open("link").error().code, ErrorCode::Refused);
  EXPECT_EQ(store_->open("wal/secret").error().code, ErrorCode::Refused);
  EXPECT_EQ(write_object(*store_, "wal/new", "x", Replace::Never).error().code, ErrorCode::Refused);
  EXPECT_EQ(store_->remove("wal/secret").error().code, ErrorCode::Refused);
  EXPECT_THAT(keys(), testing::IsEmpty());
  ASSERT_TRUE(write_object(*store_, "link", "mine", Replace::Always));
  EXPECT_FALSE(fs::is_symlink(dir_ / "link"));
  EXPECT_TRUE(fs::exists(outside / "secret"));
  EXPECT_FALSE(fs::exists(outside / "new"));
}

TEST_F(PosixStoreTest, ForeignFilesAreLeftAlone) {
  // Goal: temporary files, WAL on its way in and what is no key are not listed and not removed.
  put(".tmp/half", "x");
  put("incoming/000000010000000000000003.partial", "x");
  put("lost+found/#12", "x");
  put("backups/notes (1).txt", "x");
  put("backups/.DS_Store", "x");
  put("backups/latest", "one");
  EXPECT_THAT(keys(), testing::ElementsAre("backups/latest"));
  ASSERT_TRUE(store_->remove("backups/latest"));
  EXPECT_TRUE(fs::exists(dir_ / "backups/notes (1).txt"));
}

TEST_F(PosixStoreTest, EmptyDirectoriesGoAndComeBack) {
  // Goal: removing the last object of a backup removes its directory; it can be made again.
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(write_object(*store_, "backups/one/data/0", "x", Replace::Never));
    ASSERT_TRUE(store_->remove("backups/one/data/0"));
    EXPECT_FALSE(fs::exists(dir_ / "backups"));
  }
}

TEST_F(PosixStoreTest, LeftoversOfTheDeadAreFound) {
  // Goal: a file whose writer died is found once it is old; one whose writer lives is not, and an
  // uncommitted writer leaves nothing.
  put(".tmp/00001.tar.zst-77-0", "half a shard");
  {
    const auto writer = *store_->create("backups/one/data/0", Replace::Never);
    ASSERT_TRUE(writer->write(std::as_bytes(std::span("half", 4))));
    EXPECT_THAT(*store_->abandoned(Seconds(60)), testing::IsEmpty());
    const auto found = *store_->abandoned(Millis(0));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].key, ".tmp/00001.tar.zst-77-0");
    EXPECT_EQ(found[0].size_bytes, 12U);
    ASSERT_TRUE(store_->remove_abandoned(found[0]));
  }
  EXPECT_TRUE(fs::is_empty(dir_ / ".tmp"));
}

TEST_F(PosixStoreTest, OnlyLeftoversAreRemovedAsSuch) {
  // Goal: remove_abandoned() cannot be turned against an object or a file outside.
  put("lease.json", "x");
  for (const auto* key : {"lease.json", ".tmp/../lease.json", "../x", ".tmp/", ".tmp"})
    EXPECT_EQ(
        store_->remove_abandoned({.key = key, .size_bytes = 0, .modified_at = {}}).error().code,
        ErrorCode::Refused)
        << key;
  EXPECT_TRUE(fs::exists(dir_ / "lease.json"));
}

TEST_F(PosixStoreTest, AFileThatShrinksIsAnError) {
  // Goal: an object cut while it is read never looks complete.
  put("a", std::string(1000, 'x'));
  const auto reader = *store_->open("a");
  fs::resize_file(dir_ / "a", 10);
  std::array<std::byte, 100> into{};
  EXPECT_EQ(*reader->read(into), 10U);
  const auto rest = reader->read(into);
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().code, ErrorCode::Malformed);
}

TEST_F(PosixStoreTest, ADirectoryIsNoObject) {
  // Goal: a prefix is not mistaken for an object.
  put("backups/one/backup.json", "{}");
  EXPECT_EQ(*store_->stat("backups/one"), std::nullopt);
  EXPECT_EQ(store_->open("backups").error().code, ErrorCode::NotFound);
  EXPECT_EQ(*store_->stat("backups/one/backup.json/x"), std::nullopt);
  EXPECT_TRUE(store_->remove("backups/one"));
  EXPECT_EQ(text_of("backups/one/backup.json"), "{}");
}

}  // namespace
}  // namespace pgkeel::archive
