// Start-up parameters as who and what a client wants to be.
#include "gateway/session/client_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::gateway {
namespace {

using pg::wire::Setting;
using testing::ElementsAre;

std::expected<ClientRequest, Refusal> read(
    std::initializer_list<pg::wire::StartupParameter> parameters) {
  static pg::wire::ByteBuffer packet;
  packet.clear();
  pg::wire::append_startup(packet, {}, parameters);
  const auto decoded = pg::wire::decode_startup(packet).value();
  return read_client_request(std::get<pg::wire::StartupMessage>(decoded));
}

std::string sqlstate_of(std::initializer_list<pg::wire::StartupParameter> parameters) {
  const auto request = read(parameters);
  return request ? "" : request.error().sqlstate;
}

TEST(ClientRequest, IsWhatTheServerMakesOfIt) {
  // Goal: the database is the user's where none is named; long names are cut at NAMEDATALEN.
  EXPECT_EQ(read({{"user", "app"}})->database, "app");
  EXPECT_EQ(read({{"user", "app"}, {"database", ""}})->database, "app");
  EXPECT_EQ(read({{"user", "a"}, {"user", "b"}, {"database", "shop"}})->user, "b");
  const std::string longer(80, 'n');
  EXPECT_EQ(read({{"user", longer}})->user, longer.substr(0, 63));
  EXPECT_EQ(read({{"user", longer}})->database, longer.substr(0, 63));
  EXPECT_EQ(sqlstate_of({{"database", "shop"}}), "28000");
  EXPECT_EQ(sqlstate_of({{"user", ""}}), "28000");
}

TEST(ClientRequest, OptionsComeFirst) {
  // Goal: hazard 5: settings of options, then those of the packet, which therefore count.
  const auto request = read({{"user", "app"},
                             {"application_name", "shop"},
                             {"options", R"(-c search_path=a\ b --work-mem=1MB -e)"},
                             {"_pq_.x", "y"},
                             {"datestyle", "iso"}});
  EXPECT_THAT(request->settings,
              ElementsAre(Setting{"search_path", "a b"}, Setting{"work_mem", "1MB"},
                          Setting{"datestyle", "euro"}, Setting{"application_name", "shop"},
                          Setting{"datestyle", "iso"}));
  EXPECT_EQ(request->application_name(), "shop");
}

TEST(ClientRequest, NoSettingBecomesSomebodyElse) {
  // Goal: an option that would be another parameter of a start-up packet is refused.
  for (const auto* options : {"-c user=postgres", "--database=x", "-c replication=1", "-c =x",
                              "-c options=-x", "-c _pq_.a=b"})
    EXPECT_EQ(sqlstate_of({{"user", "app"}, {"options", options}}), "42704") << options;
  EXPECT_EQ(sqlstate_of({{"user", "app"}, {"options", "-c"}}), "42601");
  EXPECT_EQ(sqlstate_of({{"user", "app"}, {"options", "work_mem=1MB"}}), "42601");
}

TEST(ClientRequest, SettingsAreBounded) {
  // Goal: hazard 7: a letter a setting, and a packet holds ten thousand letters.
  EXPECT_EQ(sqlstate_of({{"user", "app"}, {"options", "-" + std::string(kSettingsMost, 'e')}}), "");
  EXPECT_EQ(sqlstate_of({{"user", "app"}, {"options", "-" + std::string(9000, 'e')}}), "22023");
}

TEST(ClientRequest, TellsReplicationAsTheServerDoes) {
  // Goal: hazard 18: a boolean in every spelling, or "database".
  const auto replication = [](std::string_view value) {
    return read({{"user", "app"}, {"replication", value}})->replication;
  };
  for (const auto* value : {"true", "T", "ye", "on", "1"})
    EXPECT_EQ(replication(value), Replication::Physical) << value;
  for (const auto* value : {"false", "F", "no", "of", "0"})
    EXPECT_EQ(replication(value), Replication::None) << value;
  EXPECT_EQ(replication("database"), Replication::Logical);
  for (const auto* value : {"", "o", "truex", "2", "Database"})
    EXPECT_EQ(sqlstate_of({{"user", "app"}, {"replication", value}}), "22023") << value;
}

}  // namespace
}  // namespace pgkeel::gateway
