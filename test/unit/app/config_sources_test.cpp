// TOML, the environment and env files as sources: what they bring and what they refuse.
#include "app/config/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

using testing::HasSubstr;

TEST(TomlSource, BringsKeysWithTheirPlaces) {
  // Goal: sections, nested sections, lists of tables and free names arrive under their keys.
  const auto reading = read_toml(
      "mode = \"advise\"\n[archive.offsite]\nkeep = \"30d\"\n[[alert]]\nkind = \"telegram\"\n"
      "chat_id = -100\n[[alert]]\nkind = \"x\"\n[escalate]\n\"5m\" = [\"telegram\"]\n",
      "pgkeel.toml", "/etc/pgkeel");
  ASSERT_TRUE(reading.problems.empty()) << reading.problems.front().detail;
  std::map<std::string, std::string> found;
  for (const auto& setting : reading.settings)
    found[setting.key] = setting.values.front() + " @" + setting.origin;
  EXPECT_EQ(found["mode"], "advise @pgkeel.toml:1");
  EXPECT_EQ(found["archive.offsite.keep"], "30d @pgkeel.toml:3");
  EXPECT_EQ(found["alert[1].chat_id"], "-100 @pgkeel.toml:6");
  EXPECT_EQ(found["alert[2].kind"], "x @pgkeel.toml:8");
  EXPECT_EQ(found["escalate.5m"], "telegram @pgkeel.toml:10");
}

TEST(TomlSource, NamesLineAndColumnOfASyntaxError) {
  // Goal: ConfigSyntax says file:line:column.
  const auto reading = read_toml("mode = \"act\"\nstate_dir = /var\n", "pgkeel.toml", "/");
  ASSERT_EQ(reading.problems.size(), 1U);
  EXPECT_EQ(reading.problems[0].code, ErrorCode::ConfigSyntax);
  EXPECT_THAT(reading.problems[0].detail, HasSubstr("pgkeel.toml:2:13: "));
}

TEST(TomlSource, SuggestsForUnknownKeysAndGoesOn) {
  // Goal: every unknown key of a file is reported, each with its line and what was meant.
  const auto reading =
      read_toml("[instance]\n\n\ndatadir = \"/a\"\n[instnace]\nkind = 1\n", "pgkeel.toml", "/");
  ASSERT_EQ(reading.problems.size(), 2U);
  EXPECT_EQ(reading.problems[0].code, ErrorCode::ConfigUnknownKey);
  EXPECT_EQ(reading.problems[0].detail,
            "unknown key 'instance.datadir' in pgkeel.toml:4, did you mean 'instance.data_dir'?");
  EXPECT_THAT(reading.problems[1].detail, HasSubstr("did you mean 'instance'?"));
}

TEST(TomlSource, TellsSectionsFromLists) {
  // Goal: [alert] for [[alert]] and instance = 5 for [instance] say how it is written.
  const auto reading = read_toml("instance = 5\nsense = [1]\n[alert]\nkind = \"x\"\n", "p", "/");
  ASSERT_EQ(reading.problems.size(), 3U);
  std::string all;
  for (const auto& problem : reading.problems) all += problem.detail + "\n";
  EXPECT_THAT(all, HasSubstr("'alert' in p:3 is a list of tables: write [[alert]]"));
  EXPECT_THAT(all, HasSubstr("'instance' in p:1 is a section: write [instance]"));
}

TEST(TomlSource, IsBounded) {
  // Goal: too large, too deep or not UTF-8 is an error, never a crash.
  EXPECT_FALSE(read_toml(std::string(kConfigBytesMax + 1, '#'), "p", "/").problems.empty());
  EXPECT_FALSE(read_toml("a = " + std::string(100'000, '['), "p", "/").problems.empty());
  EXPECT_FALSE(read_toml("mode = \"\xff\xfe\"", "p", "/").problems.empty());
}

TEST(EnvironmentSource, MapsVariablesToKeys) {
  // Goal: PGKEEL_ variables are keys, lists split at commas, empty ones count as unset (B13).
  const auto reading = read_variables({{"PGKEEL_INSTANCE_DATABASES", "a, b"},
                                       {"PGKEEL_MODE", "advise"},
                                       {"PGKEEL_INSTANCE_UNIT", ""},
                                       {"HOME", "/root"}},
                                      {}, "/work");
  ASSERT_EQ(reading.settings.size(), 2U);
  EXPECT_EQ(reading.settings[0].values, (Values{"a", "b"}));
  EXPECT_EQ(reading.settings[1].origin, "PGKEEL_MODE");
  EXPECT_TRUE(reading.problems.empty());
}

TEST(EnvironmentSource, RefusesMistypedKeysOnly) {
  // Goal: a mistyped variable is an error with a suggestion; somebody else's is only noted.
  const auto reading = read_variables({{"PGKEEL_MODEE", "act"},
                                       {"PGKEEL_INSTANCE_COLOUR", "red"},
                                       {"PGKEEL_IMAGE_REGISTRY", "x"},
                                       {"PGKEEL_CRASH_AT", "x"}},
                                      {}, "/");
  ASSERT_EQ(reading.problems.size(), 2U);
  EXPECT_EQ(reading.problems[0].detail, "unknown variable PGKEEL_INSTANCE_COLOUR");
  EXPECT_EQ(reading.problems[1].detail, "unknown variable PGKEEL_MODEE, did you mean PGKEEL_MODE?");
  EXPECT_EQ(reading.problems[1].code, ErrorCode::ConfigUnknownKey);
  ASSERT_EQ(reading.notes.size(), 1U);
  EXPECT_THAT(reading.notes[0], HasSubstr("PGKEEL_IMAGE_REGISTRY"));
}

TEST(EnvFileSource, ReadsWhatShellsAndComposeRead) {
  // Goal: comments, export, both quotes, '=' in values and CRLF line ends are understood (B13).
  const auto file = read_env_file(
      "# comment\n\nA=1\r\nexport B = two \nC=\"x # y\\n\" # tail\nD='a\\b'\nE=a=b\nF=\nG=v # c\n",
      ".env");
  EXPECT_TRUE(file.problems.empty());
  EXPECT_EQ(file.variables.at("A"), "1");
  EXPECT_EQ(file.variables.at("B"), "two");
  EXPECT_EQ(file.variables.at("C"), "x # y\n");
  EXPECT_EQ(file.variables.at("D"), "a\\b");
  EXPECT_EQ(file.variables.at("E"), "a=b");
  EXPECT_EQ(file.variables.at("F"), "");
  EXPECT_EQ(file.variables.at("G"), "v");
  EXPECT_EQ(file.origins.at("C"), ".env:5");
}

TEST(EnvFileSource, NamesTheLineWithoutRepeatingIt) {
  // Goal: a broken line is an error that cannot carry a secret into a log.
  const auto file = read_env_file("A=1\nPASSWORD hunter2\nB=\"hunter2\n9X=1\n", ".env");
  ASSERT_EQ(file.problems.size(), 3U);
  EXPECT_EQ(file.problems[0].detail, ".env:2: not of the form NAME=value");
  for (const auto& problem : file.problems)
    EXPECT_EQ(problem.detail.find("hunter2"), std::string::npos);
}

TEST(AppServer, IsFoundTheWayAppsFindIt) {
  // Goal: DATABASE_URL wins over POSTGRES_*; a password with odd characters survives.
  EXPECT_FALSE(app_server({{"HOME", "/"}}).has_value());
  EXPECT_EQ(app_server({{"DATABASE_URL", "postgres://h/d"}, {"POSTGRES_HOST", "x"}})->url,
            "postgres://h/d");
  const auto server = app_server({{"POSTGRES_HOST", "db"},
                                  {"POSTGRES_PORT", "5433"},
                                  {"POSTGRES_USER", "app"},
                                  {"POSTGRES_PASSWORD", "p@ss'\\ word"},
                                  {"POSTGRES_DB", "shop"}});
  ASSERT_TRUE(server.has_value());
  EXPECT_THAT(server->url, HasSubstr("host='db'"));
  EXPECT_THAT(server->url, HasSubstr("p@ss\\'\\\\ word"));
  EXPECT_EQ(app_server({{"POSTGRES_PASSWORD", "x"}})->origin, "POSTGRES_PASSWORD");
}

}  // namespace
}  // namespace pgkeel::app
