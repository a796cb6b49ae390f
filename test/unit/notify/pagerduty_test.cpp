// PagerDuty's Events API v2.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "notify/channel.hpp"
#include "support/temp_dir.hpp"
#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

class PagerDutyTest : public testing::Test {
 protected:
  PagerDutyTest() {
    options_.kind = "pagerduty";
    options_.token_file = dir_ / "key";
    std::ofstream(dir_ / "key") << "R0UTE\n";
  }
  [[nodiscard]] nlohmann::json event_of(const Notice& notice) const {
    const auto request = make_pagerduty(options_)->request(notice, kOrigin, at(Seconds(3)));
    EXPECT_TRUE(request);
    EXPECT_EQ(request->url, "https://events.pagerduty.com/v2/enqueue");
    return nlohmann::json::parse(request->body);
  }
  test::TempDir dir_;
  ChannelOptions options_;
};

TEST_F(PagerDutyTest, AnIncidentIsOneAlertThatIsTriggeredAcknowledgedAndResolved) {
  // Goal: the key that joins the three is the same whatever the cause is refined to (D16).
  const auto fired = event_of(notice_of(Reason::Escalated));
  EXPECT_EQ(fired["event_action"], "trigger");
  EXPECT_EQ(fired["routing_key"], "R0UTE");
  EXPECT_EQ(fired["payload"]["source"], "host1");
  EXPECT_EQ(fired["payload"]["severity"], "critical");
  EXPECT_EQ(fired["payload"]["class"], "table_dropped");
  EXPECT_EQ(fired["payload"]["timestamp"], "2026-11-21T03:00:00.000Z");
  auto refined = notice_of(Reason::Acknowledged);
  refined.cause = "schema_dropped";
  const auto acked = event_of(refined);
  EXPECT_EQ(acked["event_action"], "acknowledge");
  EXPECT_FALSE(acked.contains("payload"));
  const auto over = event_of(notice_of(Reason::Resolved));
  EXPECT_EQ(over["event_action"], "resolve");
  EXPECT_EQ(fired["dedup_key"], acked["dedup_key"]);
  EXPECT_EQ(fired["dedup_key"], over["dedup_key"]);
}

TEST_F(PagerDutyTest, KeepsTheServicesLimits) {
  // Goal: a summary of at most 1024 bytes, and a body far below what is taken.
  auto notice = notice_of(Reason::Opened);
  notice.summary = std::string(5000, 'x');
  const auto event = event_of(notice);
  EXPECT_LE(event["payload"]["summary"].get<std::string>().size(), 1024U);
  EXPECT_LT(event.dump().size(), 20'000U);
}

}  // namespace
}  // namespace pgkeel::notify
