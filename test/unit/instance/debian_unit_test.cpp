#include <gmock/gmock.h>
#include <fstream>

#include "instance/debian.hpp"
#include "instance/managed.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

class DebianClusters : public testing::Test {
 protected:
  void configure(const std::string& cluster, const std::string& text) {
    fs::create_directories(temp_ / cluster);
    std::ofstream(temp_ / cluster / "postgresql.conf") << text;
  }
  test::TempDir temp_;
};

TEST(DebianUnitName, IsVersionAndName) {
  // Goal: only postgresql@V-N is Debian's; a cluster's name may hold dashes.
  EXPECT_EQ(parse_debian_unit("postgresql@15-main"), (DebianUnit{"15", "main"}));
  EXPECT_EQ(parse_debian_unit("postgresql@15-my-app.service"), (DebianUnit{"15", "my-app"}));
  for (const char* other :
       {"", "postgresql", "postgresql.service", "postgresql@15", "postgresql@15-",
        "postgresql@main-15", "mysql@15-main", "postgresql@15-../../x"})
    EXPECT_FALSE(parse_debian_unit(other)) << other;
}

TEST_F(DebianClusters, AreFoundByUnitAndByDirectory) {
  // Goal: the data directory tells the cluster and the cluster tells the data directory.
  configure("15/main", "data_directory = '" + (temp_ / "data").string() + "'\n");
  configure("15/other", "data_directory = '/elsewhere'\n");
  const auto by_unit = find_debian_cluster({"15", "main"}, temp_.path());
  ASSERT_TRUE(by_unit);
  EXPECT_EQ(by_unit->data_dir, temp_ / "data");
  EXPECT_EQ(by_unit->log_file, "/var/log/postgresql/postgresql-15-main.log");
  const auto by_dir = find_debian_cluster_of(temp_ / "data", temp_.path());
  ASSERT_TRUE(by_dir);
  EXPECT_EQ(by_dir->unit(), "postgresql@15-main");
  EXPECT_FALSE(find_debian_cluster({"14", "main"}, temp_.path()));
  EXPECT_FALSE(find_debian_cluster_of("/nowhere", temp_.path()));
}

TEST_F(DebianClusters, DecideHowAManagedServerIsLaidOut) {
  // Goal: the unit alone is enough; settings of ours mean that the server is run directly.
  configure("15/main", "data_directory = '" + (temp_ / "data").string() + "'\n");
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.unit = "postgresql@15-main";
  auto layout = managed_layout(config, temp_.path());
  ASSERT_TRUE(layout) << layout.error().message();
  EXPECT_TRUE(layout->debian);
  EXPECT_EQ(layout->command.data_dir, temp_ / "data");
  EXPECT_EQ(layout->command.config_file, temp_ / "15/main/postgresql.conf");
  config.port = 5433;
  layout = managed_layout(config, temp_.path());
  ASSERT_TRUE(layout);
  EXPECT_FALSE(layout->debian);
  EXPECT_EQ(layout->command.config_file, temp_ / "15/main/postgresql.conf");
}

TEST_F(DebianClusters, AreNotGuessed) {
  // Goal: a unit that is configured nowhere gives one clear line.
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.unit = "postgresql@15-gone";
  const auto layout = managed_layout(config, temp_.path());
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::ConfigBadValue);
  EXPECT_THAT(layout.error().detail, testing::HasSubstr("postgresql@15-gone"));
}

}  // namespace
}  // namespace pgkeel::instance
