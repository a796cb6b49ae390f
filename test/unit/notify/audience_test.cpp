// From [[alert]] and [escalate] to who hears when.
#include <gtest/gtest.h>

#include "notify/alerts.hpp"

namespace pgkeel::notify {
namespace {

ChannelOptions channel(std::string name, std::string kind = "webhook") {
  ChannelOptions options;
  options.name = std::move(name);
  options.kind = std::move(kind);
  return options;
}

TEST(Audience, WithoutEscalationEveryChannelHearsAtOnce) {
  // Goal: [escalate] is optional; a dead-man's switch hears of nothing (E8).
  AlertsOptions options;
  options.channels = {channel("a"), channel("alive", "deadman")};
  const auto audience = audience_of(options);
  ASSERT_EQ(audience.size(), 1U);
  EXPECT_EQ(audience[0].channel, "a");
  EXPECT_EQ(audience[0].ages, std::vector{Millis(0)});
}

TEST(Audience, StepsComeInTheOrderOfAge) {
  // Goal: a channel named at several ages has them ascending; the log is a channel by itself.
  AlertsOptions options;
  options.channels = {channel("chat"), channel("unnamed")};
  options.escalate = {{Seconds(0), {"log"}}, {Seconds(300), {"chat"}}, {Seconds(60), {"chat"}}};
  const auto audience = audience_of(options);
  ASSERT_EQ(audience.size(), 3U);
  EXPECT_EQ(audience[0].ages, (std::vector<Millis>{Seconds(60), Seconds(300)}));
  EXPECT_EQ(audience[1].ages, std::vector{Millis(0)});
  EXPECT_EQ(audience[2].channel, kLogChannel);
}

}  // namespace
}  // namespace pgkeel::notify
