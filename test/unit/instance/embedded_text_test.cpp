#include <gmock/gmock.h>

#include "instance/embedded.hpp"
#include "pg/config_text.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(EmbeddedSettings, ReadBackAsMeant) {
  // Goal: what is written into postgresql.conf is what the server's parser reads, quotes and all.
  ClusterPlan plan;
  plan.socket_dir = "/tmp/it's here";
  plan.port = 5433;
  plan.settings = {{"work_mem", "8MB"}};
  const auto parsed = pg::parse_config_text(embedded_settings(plan));
  EXPECT_TRUE(parsed.faults.empty());
  EXPECT_EQ(pg::find_setting(parsed.settings, "unix_socket_directories"), "/tmp/it's here");
  EXPECT_EQ(pg::find_setting(parsed.settings, "port"), "5433");
  EXPECT_EQ(pg::find_setting(parsed.settings, "work_mem"), "8MB");
  EXPECT_EQ(pg::find_setting(parsed.settings, "listen_addresses"), "127.0.0.1");
}

TEST(EmbeddedHba, TrustsOnlyThePrivateSocket) {
  // Goal: no line lets anybody in over TCP without a password.
  const std::string hba = embedded_hba();
  EXPECT_THAT(hba, HasSubstr("local   all          all                 trust"));
  EXPECT_THAT(hba, Not(testing::ContainsRegex("host [^\n]*trust")));
}

}  // namespace
}  // namespace pgkeel::instance
