// [[alert]] and [escalate]: what reaches the configuration, what contradicts itself, what is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.hpp"

namespace pgkeel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

ConfigReading read(std::string text) {
  ConfigSources sources;
  sources.working_dir = "/w";
  sources.file = "/w/pgkeel.toml";
  sources.file_text = std::move(text);
  return read_config(sources);
}

constexpr auto kWhole = R"(
[[alert]]
kind = "telegram"
token_file = "tg"
chat_id = -100
min_severity = "info"
repeat_every = "1h"
[[alert]]
kind = "webhook"
name = "ops"
url = "https://user@hooks.example.org/T0/secret?x=1"
[[alert]]
kind = "deadman"
url = "https://ping.example.org/uuid"
interval = "30s"
[escalate]
"0m" = ["log", "telegram"]
"5m" = ["ops"]
)";

TEST(ConfigAlerts, ReachTheConfiguration) {
  // Goal: every key is in effect, in the table it was written in (E8).
  const auto reading = read(kWhole);
  ASSERT_TRUE(reading.problems.empty()) << reading.problems.front().message();
  const auto& config = reading.loaded.config;
  ASSERT_EQ(config.alerts.size(), 3U);
  EXPECT_EQ(config.alerts[0].called(), "telegram");
  EXPECT_EQ(config.alerts[0].token_file, "/w/tg");
  EXPECT_EQ(config.alerts[0].chat_id, "-100");
  EXPECT_EQ(config.alerts[0].min_severity, incident::Severity::Info);
  EXPECT_EQ(config.alerts[0].repeat_every, Seconds(3600));
  EXPECT_EQ(config.alerts[1].called(), "ops");
  EXPECT_EQ(config.alerts[1].min_severity, incident::Severity::Warning);
  EXPECT_EQ(config.alerts[2].interval, Seconds(30));
  EXPECT_THAT(config.escalate.at(Millis(0)), ElementsAre("log", "telegram"));
  EXPECT_THAT(config.escalate.at(Millis(300'000)), ElementsAre("ops"));
}

TEST(ConfigAlerts, TheOrderOfRowsHoldsBeyondNine) {
  // Goal: alert[10] is the tenth, though its name sorts before alert[2].
  std::string text;
  for (int i = 1; i <= 11; ++i)
    text += "[[alert]]\nkind = \"webhook\"\nurl = \"http://h/\"\nname = \"n" + std::to_string(i) +
            "\"\n";
  const auto reading = read(text);
  ASSERT_TRUE(reading.problems.empty()) << reading.problems.front().message();
  EXPECT_EQ(reading.loaded.config.alerts[1].name, "n2");
  EXPECT_EQ(reading.loaded.config.alerts[9].name, "n10");
}

TEST(ConfigAlerts, AUrlIsShownWithoutItsSecret) {
  // Goal: `config show` and errors keep path, query and user of a webhook to themselves (rule 12).
  const auto reading = read(kWhole);
  for (const auto& setting : reading.loaded.settings) {
    EXPECT_THAT(setting.value, Not(HasSubstr("secret"))) << setting.key;
    EXPECT_THAT(setting.value, Not(HasSubstr("uuid"))) << setting.key;
    if (setting.key == "alert[2].url") {
      EXPECT_EQ(setting.value, "https://hooks.example.org/***");
    }
  }
  const auto bad = read("[[alert]]\nkind = \"webhook\"\nurl = \"htp://h/secret\"");
  ASSERT_FALSE(bad.problems.empty());
  EXPECT_THAT(bad.problems.front().message(), Not(HasSubstr("secret")));
}

struct Bad {
  const char* text;
  const char* says;
  const char* hints;
};

TEST(ConfigAlerts, ContradictionsAreClearErrors) {
  // Goal: unknown kind, a key the kind needs, two of a name, an unknown channel, a bad duration.
  for (const auto& [text, says, hints] : {
           Bad{"[[alert]]\nkind = \"pager\"", "alert[1].kind = \"pager\"", "webhook, telegram"},
           Bad{"[[alert]]\nkind = \"telegram\"\nchat_id = 1",
               "alert[1] (kind = \"telegram\") has no token_file", "alerts.md"},
           Bad{"[[alert]]\nkind = \"telegram\"\ntoken_file = \"x\"", "has no chat_id", "alerts.md"},
           Bad{"[[alert]]\nkind = \"webhook\"", "has no url", "alerts.md"},
           Bad{"[[alert]]\nkind = \"webhook\"\nurl = \"http://a/\"\n[[alert]]\nkind = "
               "\"webhook\"\nurl = \"http://b/\"",
               "alert[2] is called 'webhook' like another", "name ="},
           Bad{"[[alert]]\nkind = \"webhook\"\nurl = \"http://a/\"\nname = \"log\"",
               "is called 'log'", "name ="},
           Bad{"[[alert]]\nkind = \"deadman\"\nurl = \"http://a/\"\ninterval = \"1s\"",
               "out of range", "from 10s"},
           Bad{"[[alert]]\nkind = \"deadman\"\nurl = \"http://a/\"\n[escalate]\n\"5m\" = "
               "[\"deadman\"]",
               "escalate.5m names 'deadman'", "Channels are: log."},
           Bad{"[escalate]\n\"5m\" = [\"pagerduty\"]", "escalate.5m names 'pagerduty'",
               "Channels are: log."},
           Bad{"[escalate]\n\"soon\" = [\"log\"]", "'soon' is not a duration", "list"},
       }) {
    const auto reading = read(text);
    ASSERT_FALSE(reading.problems.empty()) << text;
    const auto& error = reading.problems.front();
    EXPECT_EQ(error.code, ErrorCode::ConfigBadValue) << text;
    EXPECT_THAT(error.message(), HasSubstr(says)) << text;
    EXPECT_THAT(std::string(error.hint()), HasSubstr(hints)) << text;
  }
}

}  // namespace
}  // namespace pgkeel::app
