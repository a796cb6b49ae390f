// Alertmanager's webhook format, version 4.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "notify/channel.hpp"
#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

nlohmann::json body_of(const Notice& notice) {
  ChannelOptions options;
  options.name = options.kind = "webhook";
  options.url = "http://127.0.0.1:1/hook";
  const auto request = make_webhook(options)->request(notice, kOrigin, at(Seconds(3)));
  EXPECT_TRUE(request);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, options.url);
  return nlohmann::json::parse(request->body);
}

TEST(Webhook, FiringIsTheDocumentedShape) {
  // Goal: every member that receivers of version 4 read is there (E8).
  const auto body = body_of(notice_of(Reason::Opened));
  EXPECT_EQ(body["version"], "4");
  EXPECT_EQ(body["status"], "firing");
  EXPECT_EQ(body["receiver"], "ops");
  EXPECT_EQ(body["truncatedAlerts"], 0);
  EXPECT_EQ(body["groupLabels"]["incident"], "2026-11-21-001");
  EXPECT_TRUE(body["groupKey"].is_string());
  ASSERT_EQ(body["alerts"].size(), 1U);
  const auto& alert = body["alerts"][0];
  EXPECT_EQ(alert["status"], "firing");
  EXPECT_EQ(alert["labels"]["alertname"], "PgkeelIncident");
  EXPECT_EQ(alert["labels"]["severity"], "critical");
  EXPECT_EQ(alert["labels"]["cause"], "table_dropped");
  EXPECT_EQ(alert["annotations"]["summary"], "Table orders is gone.");
  EXPECT_EQ(alert["startsAt"], "2026-11-21T03:00:00.000Z");
  EXPECT_EQ(alert["endsAt"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(alert["fingerprint"].get<std::string>().size(), 16U);
  EXPECT_EQ(body["commonLabels"], alert["labels"]);
}

TEST(Webhook, ResolvedMeetsItsFiring) {
  // Goal: the fingerprint stays the same though cause and severity were refined.
  auto firing = notice_of(Reason::Opened);
  firing.cause = "server_killed";
  firing.severity = incident::Severity::Warning;
  const auto first = body_of(firing);
  const auto last = body_of(notice_of(Reason::Resolved));
  EXPECT_EQ(last["status"], "resolved");
  EXPECT_EQ(last["alerts"][0]["endsAt"], "2026-11-21T03:00:03.000Z");
  EXPECT_EQ(first["alerts"][0]["fingerprint"], last["alerts"][0]["fingerprint"]);
  EXPECT_EQ(first["groupKey"], last["groupKey"]);
}

TEST(Webhook, ATestIsResolvedLikeAnyAlert) {
  // Goal: a receiver that keeps alerts sees the test and is not left with it.
  const auto seen = body_of(test_notice("ops", Reason::Test, kStart));
  const auto over = body_of(test_notice("ops", Reason::Resolved, kStart));
  EXPECT_EQ(seen["status"], "firing");
  EXPECT_EQ(over["status"], "resolved");
  EXPECT_EQ(seen["alerts"][0]["fingerprint"], over["alerts"][0]["fingerprint"]);
  EXPECT_EQ(channel_kind("webhook")->remembers, Remembers::Yes);
}

}  // namespace
}  // namespace pgkeel::notify
