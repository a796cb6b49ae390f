#include <gmock/gmock.h>

#include "integration/instance/fixture.hpp"

namespace pgkeel::instance {
namespace {

using testing::Contains;
using testing::HasSubstr;

class CheckConfigTest : public InstanceTest {};

TEST_F(CheckConfigTest, AcceptsAGoodConfiguration) {
  // Goal: the server's own parser is asked without starting anything, running server or not.
  const std::string before = listing(server().data_dir());
  const auto good = run(instance().check_config());
  EXPECT_TRUE(good) << good.error().message();
  EXPECT_EQ(listing(server().data_dir()), before);
  static_cast<void>(started());
  EXPECT_TRUE(run(instance().check_config()));
}

TEST_F(CheckConfigTest, NamesFileAndLineOfASyntaxError) {
  // Goal: config_broken is named by file and line before a start is tried (K43).
  static_cast<void>(instance());
  server().append_config("work_mem = = 4MB\n");
  const auto bad = run(instance().check_config());
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().detail, HasSubstr("syntax error in file"));
  EXPECT_THAT(bad.error().detail, HasSubstr("postgresql.conf"));
  EXPECT_THAT(bad.error().detail, HasSubstr(" line "));
  const auto report = start();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->postmaster);
  EXPECT_THAT(report->server_log, HasSubstr("syntax error"));
}

TEST_F(CheckConfigTest, NamesAnUnknownSettingAndABadValue) {
  // Goal: what ALTER SYSTEM or an upgrade can break is named too (K43).
  static_cast<void>(instance());
  write_file(server().data_dir() / "postgresql.auto.conf", "no_such_setting = 'x'\n");
  EXPECT_THAT(run(instance().check_config()).error().detail, HasSubstr("no_such_setting"));
  write_file(server().data_dir() / "postgresql.auto.conf", "shared_buffers = 'lots'\n");
  EXPECT_THAT(run(instance().check_config()).error().detail, HasSubstr("shared_buffers"));
}

TEST_F(CheckConfigTest, NamesAMissingHbaFile) {
  // Goal: the server's parser does not read pg_hba.conf, but no server starts without one.
  std::filesystem::remove(server().data_dir() / "pg_hba.conf");
  const auto bad = run(instance().check_config());
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().detail, HasSubstr("pg_hba.conf is missing"));
}

TEST_F(CheckConfigTest, ListsEveryConfigurationFile) {
  // Goal: what is kept as the last good configuration is all of it, includes too.
  const auto dir = server().data_dir();
  std::filesystem::create_directory(dir / "conf.d");
  write_file(dir / "conf.d" / "10-a.conf", "work_mem = '5MB'\n");
  write_file(dir / "conf.d" / "ignored.txt", "");
  server().append_config("include_dir 'conf.d'\ninclude_if_exists 'absent.conf'\n");
  const auto files = instance().config_files();
  for (const char* name : {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf",
                           "pg_ident.conf", "conf.d/10-a.conf"})
    EXPECT_THAT(files, Contains(dir / name));
  EXPECT_EQ(files.size(), 5U);
}

}  // namespace
}  // namespace pgkeel::instance
