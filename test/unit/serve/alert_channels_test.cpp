// How the alert channels fare, for programs: status and metrics.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serve/metrics.hpp"
#include "serve/status_json.hpp"

namespace pgkeel::serve {
namespace {

Status with_channels() {
  Status status;
  status.alert_channels = {{"ops", "webhook", 3, 7, 2, "HTTP 500: out of order", WallTime{}},
                           {"telegram", "telegram", 0, 1, 0, "", std::nullopt}};
  return status;
}

TEST(AlertChannels, AreInTheStatus) {
  // Goal: the spool's depth and the last failure of each channel can be read (E8).
  const auto channels = status_json(with_channels(), SteadyTime{})["alert_channels"];
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[0]["name"], "ops");
  EXPECT_EQ(channels[0]["waiting"], 3);
  EXPECT_EQ(channels[0]["delivered"], 7);
  EXPECT_EQ(channels[0]["failures"], 2);
  EXPECT_EQ(channels[0]["last_failure"], "HTTP 500: out of order");
  EXPECT_TRUE(channels[1]["last_failure"].is_null());
}

TEST(AlertChannels, AreInTheMetrics) {
  // Goal: an alert on alerts can be written; without channels there is no family at all.
  const auto text = metrics_text(with_channels(), SteadyTime{});
  for (const auto* line :
       {"pgkeel_alerts_waiting{channel=\"ops\"} 3", "pgkeel_alerts_failing{channel=\"ops\"} 1",
        "pgkeel_alerts_failing{channel=\"telegram\"} 0",
        "pgkeel_alerts_delivered_total{channel=\"ops\"} 7",
        "pgkeel_alert_attempts_failed_total{channel=\"ops\"} 2"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
  EXPECT_EQ(metrics_text(Status(), SteadyTime{}).find("pgkeel_alert"), std::string::npos);
}

}  // namespace
}  // namespace pgkeel::serve
