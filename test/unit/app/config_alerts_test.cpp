// [[alert]] and [escalate]: what reaches the configuration, what contradicts itself, what is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.hpp"
#include "app/guard/alerting.hpp"

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
           Bad{"[[alert]]\nkind = \"telegram\"\ntoken_file = \"x\"\nchat_id = 1\n[escalate]\n"
               "\"5m\" = [\"telegrm\"]",
               "names 'telegrm'", "Did you mean 'telegram'?"},
           Bad{"[[alert]]\nkind = \"email\"\nserver = \"smtps://m\"\nfrom = \"a@b\"\nto = \"c@d\"\n"
               "[escalate]\n\"5m\" = [\"emial:e@f\"]",
               "names 'emial:e@f'", "Did you mean 'email:e@f'?"},
           Bad{"[[alert]]\nkind = \"email\"\nserver = \"smtps://m\"\nfrom = \"a@b\"",
               "alert[1] (kind = \"email\") has no to", "email:oncall"},
           Bad{"[[alert]]\nkind = \"email\"\nserver = \"m\"\nfrom = \"a@b\"\nto = \"c@d\"",
               "alert[1].server", "smtps://mail.example.org"},
           Bad{"[[alert]]\nkind = \"email\"\nserver = \"smtps://m\"\nfrom = \"a\"\nto = \"c@d\"",
               "alert[1].from", "one address"},
           Bad{"[[alert]]\nkind = \"email\"\nserver = \"smtps://m\"\nfrom = \"a@b\"\nto = \"c@d\"\n"
               "user = \"u\"",
               "has a user and no token_file", "password"},
           Bad{"[[alert]]\nkind = \"pagerduty\"", "has no token_file", "alerts.md"},
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

TEST(ConfigAlerts, EscalationNamesChannelsByNameKindAndAddress) {
  // Goal: the contract's [escalate]: a kind stands for its channels, an address for the email
  // channel with another addressee; a channel named twice at an age hears once (D16).
  const auto reading = read(R"(
[[alert]]
kind = "telegram"
name = "chat"
token_file = "tg"
chat_id = 1
[[alert]]
kind = "pagerduty"
token_file = "key"
[[alert]]
kind = "email"
server = "smtp://127.0.0.1"
from = "pgkeel@example.org"
[escalate]
"0m" = ["log"]
"5m" = ["telegram", "chat"]
"15m" = ["pagerduty"]
"30m" = ["email:oncall@example.org"]
)");
  ASSERT_TRUE(reading.problems.empty()) << reading.problems.front().message();
  const auto options = alerts_options(reading.loaded.config, "here");
  std::vector<std::string> names;
  for (const auto& channel : options.channels) names.push_back(channel.name);
  EXPECT_THAT(names, ElementsAre("chat", "pagerduty", "email:oncall@example.org"));
  EXPECT_EQ(options.channels.back().to, "oncall@example.org");
  EXPECT_EQ(options.channels.back().from, "pgkeel@example.org");
  EXPECT_THAT(options.escalate.at(Seconds(300)), ElementsAre("chat"));
  EXPECT_THAT(options.escalate.at(Seconds(1800)), ElementsAre("email:oncall@example.org"));
  EXPECT_THAT(options.origin.evidence_dir, HasSubstr("/evidence"));
}

}  // namespace
}  // namespace pgkeel::app
