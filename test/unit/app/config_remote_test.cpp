// Keys for servers somewhere else and for what follows a recovery: defaults, values, bad input.
#include <gmock/gmock.h>

#include "instance/instance.hpp"
#include "unit/app/config_text.hpp"

namespace pgkeel::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kRemote = "[instance]\nurl = \"postgresql://app@db.example/shop\"\n";

TEST(RemoteConfig, LooksSeldomAndWritesNothing) {
  // Goal: the defaults of a server elsewhere let it sleep (A8).
  ConfigDir dir;
  dir.sources.environment = {{"DATABASE_URL", "postgresql://app@db.example/shop"}};
  const auto config = dir.load().config;
  EXPECT_EQ(config.instance.kind, instance::Kind::Remote);
  EXPECT_EQ(config.sense.login_every, Seconds(60));
  EXPECT_EQ(config.sense.in_doubt, Seconds(5));
  EXPECT_EQ(config.sense.timeout, Seconds(10));
  EXPECT_EQ(config.sense.write_every, Millis(0));
  EXPECT_EQ(config.sense.watch_every, Millis(0));
  EXPECT_EQ(config.state_dir, dir.path() / "pgkeel-data/state");
}

TEST(RemoteConfig, KeepsItsStateBesideItsOwnFile) {
  // Goal: an ordinary user needs no directory of the machine's; the machine's own file has one.
  ConfigDir dir;
  dir.write("pgkeel.toml", kRemote);
  EXPECT_EQ(dir.load().config.state_dir, dir.path() / "pgkeel-data/state");
  ConfigDir system;
  system.write("etc/pgkeel.toml", kRemote);
  EXPECT_EQ(system.load().config.state_dir, "/var/lib/pgkeel");
}

TEST(RemoteConfig, AFasterPaceTakesInDoubtWithIt) {
  // Goal: asking for login_every alone is no contradiction with a default.
  ConfigDir dir;
  dir.write("pgkeel.toml", std::string(kRemote) + "[sense]\nlogin_every = \"1s\"\n");
  EXPECT_EQ(dir.load().config.sense.in_doubt, Seconds(1));
}

TEST(SenseConfig, ZeroMeansNeverAndLittleMoreIsRefused) {
  // Goal: 0s is a word of its own; below the least interval is an error that says so.
  ConfigDir dir;
  dir.write("pgkeel.toml", "[sense]\nwrite_every = \"0s\"\nwatch_every = \"0s\"\n");
  EXPECT_EQ(dir.load().config.sense.write_every, Millis(0));
  ConfigDir low;
  low.write("pgkeel.toml", "[sense]\nwatch_every = \"50ms\"\n");
  EXPECT_THAT(low.error().message(), HasSubstr("out of range"));
  EXPECT_THAT(std::string(low.error().hint()), HasSubstr("0s for with each login"));
  ConfigDir other;
  other.write("pgkeel.toml", "[sense]\nlogin_every = \"0s\"\n");
  EXPECT_THAT(other.error().message(), HasSubstr("out of range"));
}

TEST(AfterRecoveryConfig, ReadsEveryTableOfTheLists) {
  // Goal: values land in their own row, the rest of a row keeps its default.
  ConfigDir dir;
  dir.write("pgkeel.toml",
            "[[invariant]]\ndatabase = \"shop\"\nsql = \"select 1\"\nexpect = \"> 0\"\n"
            "[[invariant]]\ndatabase = \"blog\"\nsql = \"select true\"\nexpect = true\n"
            "[[after_recovery]]\ncommand = \"docker restart api\"\ntimeout = \"5s\"\n"
            "[[after_recovery]]\nurl = \"https://api.example/health\"\n"
            "[limits]\nstorage = \"10GB\"\nconnections = 100\nwarn_at = 0.9\n");
  const auto config = dir.load().config;
  ASSERT_EQ(config.invariants.size(), 2U);
  EXPECT_EQ(config.invariants[0].expect, "> 0");
  EXPECT_EQ(config.invariants[1].database, "blog");
  EXPECT_EQ(config.invariants[1].expect, "true");
  ASSERT_EQ(config.after_recovery.size(), 2U);
  EXPECT_EQ(config.after_recovery[0].command, "docker restart api");
  EXPECT_EQ(config.after_recovery[0].timeout, Seconds(5));
  EXPECT_EQ(config.after_recovery[1].url, "https://api.example/health");
  EXPECT_EQ(config.after_recovery[1].timeout, Seconds(30));
  EXPECT_EQ(config.limits.storage_bytes, *parse_size("10GB"));
  EXPECT_EQ(config.limits.connections, 100);
  EXPECT_DOUBLE_EQ(config.limits.warn_at, 0.9);
}

TEST(AfterRecoveryConfig, IsWholeOrAnErrorWithAHint) {
  // Goal: one clear line for each bad table, with exit code 2.
  struct Bad {
    std::string text;
    std::string says;
  };
  const std::vector<Bad> bad = {
      {"[[invariant]]\ndatabase = \"shop\"\nsql = \"select 1\"\n", "invariant[1]"},
      {"[[invariant]]\ndatabase = \"shop\"\nsql = \"select 1\"\nexpect = \"many\"\n",
       "invariant[1].expect"},
      {"[[invariant]]\ndatabase = \"shop\"\nsql = 5\nexpect = \"> 0\"\n", "invariant[1].sql"},
      {"[[after_recovery]]\ntimeout = \"5s\"\n", "either a command or a url"},
      {"[[after_recovery]]\ncommand = \"true\"\nurl = \"http://a/\"\n",
       "either a command or a url"},
      {"[[after_recovery]]\nurl = \"ftp://a/\"\n", "after_recovery[1].url"},
      {"[[after_recovery]]\ncommand = \"true\"\ntimeout = \"0s\"\n", "after_recovery[1].timeout"},
      {"[limits]\nstorage = \"lots\"\n", "limits.storage"},
      {"[limits]\nwarn_at = 1.5\n", "limits.warn_at"},
      {"[limits]\nconnections = 0\n", "limits.connections"},
  };
  for (const auto& [text, says] : bad) {
    ConfigDir dir;
    dir.write("pgkeel.toml", text);
    const auto error = dir.error();
    EXPECT_THAT(error.message(), HasSubstr(says)) << text;
    EXPECT_EQ(error.exit_number(), 2);
    EXPECT_FALSE(error.hint().empty());
  }
}

}  // namespace
}  // namespace pgkeel::app
