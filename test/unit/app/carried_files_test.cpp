// What of a data directory is people's own, and how it comes into another.
#include "app/shadow/carried_files.hpp"

#include <sys/stat.h>

#include <fstream>

#include <gtest/gtest.h>

#include "support/temp_dir.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(CarriedFiles, AreNeitherTheServersNorOurs) {
  // Goal: configuration and keys, by whatever name; never what says of one copy what is not true of
  // another.
  for (const auto* name : {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "server.key"})
    EXPECT_TRUE(is_carried(name)) << name;
  for (const auto* name : {"PG_VERSION", "postmaster.pid", "backup_label", "standby.signal",
                           "recovery.signal", "pgkeel-shadow.json", "backup_manifest"})
    EXPECT_FALSE(is_carried(name)) << name;
}

TEST(CarriedFiles, TakeTheirModeAlongAndFollowNoLink) {
  // Goal: the newer text replaces the older, a key stays a key; a link of the server's account
  // leads nowhere, directories and the rest stay.
  const test::TempDir dir;
  const auto from = dir.path() / "from";
  const auto to = dir.path() / "to";
  fs::create_directories(from / "base");
  fs::create_directory(to);
  std::ofstream(dir.path() / "secret") << "secret";
  std::ofstream(from / "postgresql.auto.conf") << "work_mem = 7MB";
  std::ofstream(from / "server.key") << "key";
  std::ofstream(from / "PG_VERSION") << "15";
  fs::permissions(from / "server.key", fs::perms(0600));
  fs::permissions(from / "postgresql.auto.conf", fs::perms(0640));
  fs::create_symlink(dir.path() / "secret", from / "link.conf");
  fs::create_hard_link(dir.path() / "secret", from / "hard.conf");
  std::ofstream(to / "postgresql.auto.conf") << "old";
  ASSERT_TRUE(carry_files(from, to).has_value());
  EXPECT_EQ(text_of(to / "postgresql.auto.conf"), "work_mem = 7MB");
  EXPECT_EQ(fs::status(to / "server.key").permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(to / "postgresql.auto.conf").permissions(), fs::perms(0640));
  for (const auto* name : {"link.conf", "hard.conf", "base", "PG_VERSION"})
    EXPECT_FALSE(fs::exists(to / name)) << name;
  EXPECT_EQ(not_carried(from), from / "link.conf") << "is asked before";
  fs::remove(from / "link.conf");
  EXPECT_EQ(not_carried(from), "");
  fs::create_directory(from / "conf.d");
  EXPECT_EQ(not_carried(from), from / "conf.d");
}

}  // namespace
}  // namespace pgkeel::app
