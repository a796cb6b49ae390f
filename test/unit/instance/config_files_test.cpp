#include "instance/config_files.hpp"

#include <gmock/gmock.h>
#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class ConfigFilesTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    const fs::path path = temp_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
  test::TempDir temp_;
};

TEST_F(ConfigFilesTest, ReadsIncludesInPlaceAndAutoConfLast) {
  // Goal: the value in force is the one the server would take.
  const auto conf = write("etc/main.conf", "port = 1\ninclude 'more.conf'\nwork_mem = 3\n");
  const auto more = write("etc/more.conf", "port = 2\nwork_mem = 2\n");
  const auto auto_conf = write("data/postgresql.auto.conf", "fsync = off\n");
  const ServerConfig config = read_server_config(conf, temp_ / "data");
  EXPECT_THAT(config.files, ElementsAre(conf, more, auto_conf));
  EXPECT_EQ(config.get("port"), "2");
  EXPECT_EQ(config.get("work_mem"), "3");
  EXPECT_EQ(config.get("fsync"), "off");
  EXPECT_EQ(port_of(config), 2);
}

TEST_F(ConfigFilesTest, ReadsADirectoryInByteOrderAndOnlyConf) {
  // Goal: include_dir takes *.conf, not hidden ones, sorted.
  const auto conf = write("main.conf", "include_dir 'conf.d'\n");
  write("conf.d/.hidden.conf", "a = 1\n");
  write("conf.d/b.conf", "a = 3\n");
  write("conf.d/a.conf", "a = 2\n");
  write("conf.d/c.txt", "a = 4\n");
  const ServerConfig config = read_server_config(conf, temp_ / "data");
  EXPECT_EQ(config.get("a"), "3");
  EXPECT_EQ(config.files.size(), 3U);
}

TEST_F(ConfigFilesTest, EndsWhenFilesIncludeEachOther) {
  // Goal: a loop of includes is cut at the server's own depth.
  const auto conf = write("main.conf", "include 'main.conf'\nport = 7\n");
  const ServerConfig config = read_server_config(conf, temp_ / "data");
  EXPECT_EQ(config.files.size(), 1U);
  EXPECT_EQ(port_of(config), 7);
}

TEST_F(ConfigFilesTest, FollowsHbaAndIdentWhereTheyAre) {
  // Goal: hba_file and ident_file are honoured, and what 16 and later let them include.
  const auto conf = write("main.conf", "hba_file = '" + (temp_ / "etc/hba.conf").string() + "'\n");
  const auto hba = write("etc/hba.conf",
                         "# include no\nlocal all \"@quoted\" trust\ninclude \"more_hba.conf\"\n"
                         "host @dbs.txt all 0.0.0.0/0 scram-sha-256\n");
  const auto more = write("etc/more_hba.conf", "local all all peer\n");
  const auto names = write("etc/dbs.txt", "app\n");
  const auto ident = write("data/pg_ident.conf", "");
  EXPECT_THAT(list_config_files(conf, temp_ / "data"), ElementsAre(conf, hba, more, names, ident));
}

TEST_F(ConfigFilesTest, KnowsDefaultsAndNonsense) {
  // Goal: the built-in port, no port for a value that is none, and several socket directories.
  EXPECT_EQ(port_of({}), 5432);
  const auto conf = write("main.conf", "port = many\nunix_socket_directories = '/a, /b'\n");
  const ServerConfig config = read_server_config(conf, temp_ / "data");
  EXPECT_EQ(port_of(config), 0);
  EXPECT_THAT(socket_dirs_of(config), ElementsAre("/a", "/b"));
}

}  // namespace
}  // namespace pgkeel::instance
