#include "serve/status_json.hpp"

#include <gtest/gtest.h>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;

TEST(StatusJson, SaysEverythingOnceInTheirUnits) {
  // What `pgkeel status` and the dashboard read.
  FakeGuard guard;
  const auto response = guard.get("/api/v1/status");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["state"], "up");
  EXPECT_EQ(document["since"], "2026-11-21T03:03:05.000Z");
  EXPECT_EQ(document["health"], "pass");
  EXPECT_EQ(document["serving"], true);
  EXPECT_EQ(document["writable"], true);
  EXPECT_EQ(document["mode"], "act");
  EXPECT_EQ(document["paused"], false);
  EXPECT_TRUE(document["paused_until"].is_null());
  EXPECT_EQ(document["instance"]["kind"], "managed");
  EXPECT_EQ(document["instance"]["role"], "primary");
  EXPECT_EQ(document["instance"]["system_identifier"], "7300000000000000001");
  EXPECT_EQ(document["instance"]["timeline"], 1);
  EXPECT_EQ(document["probes"][1], json::parse(R"({"name":"login","ok":true,"stale":false,
      "at":"2026-11-21T03:04:04.200Z","age_ms":800,"took_ms":4,"note":""})"));
  EXPECT_EQ(document["capabilities"],
            json::parse(R"({"sees_process":true,"can_move_files":false})"));
  EXPECT_EQ(document["incidents"]["open"], json::array());
  EXPECT_EQ(document["guard"]["uptime_ms"], 7'200'000);
  EXPECT_EQ(document["guard"]["resident_bytes"], 12'000'000);
}

TEST(StatusJson, SaysWhatTheGuardCanDoAndWhyNot) {
  // Every feature with its sentence; the reason only where there is one.
  auto status = healthy_status();
  status.features = {{"probe", "log in", true, ""},
                     {"create_database", "create it", false, "needs CREATEDB"}};
  const auto document = status_json(status, kNow);
  EXPECT_EQ(json::parse(document["features"].dump()), json::parse(R"([
      {"name":"probe","does":"log in","able":true,"why_not":null},
      {"name":"create_database","does":"create it","able":false,"why_not":"needs CREATEDB"}])"));
}

TEST(StatusJson, ShowsTheApplicationWithWhatStandsInTheWay) {
  // What the first start made or would make; null where nothing is configured (B5).
  auto status = healthy_status();
  EXPECT_TRUE(status_json(status, kNow)["application"].is_null());
  Application application{"shop", "app", "failed"};
  application.items = {{"role app", "will be made"}};
  application.failure = "no password";
  status.application = application;
  EXPECT_EQ(json::parse(status_json(status, kNow)["application"].dump()), json::parse(R"({
      "database":"shop","role":"app","state":"failed","done_at":null,
      "items":[{"what":"role app","state":"will be made"}],
      "failure":"no password","hint":null})"));
}

TEST(StatusJson, AnEmptySnapshotIsWholeAndFullOfNulls) {
  // A guard in its first millisecond answers too; every key is there.
  const auto full = status_json(healthy_status(), kNow);
  const auto empty = status_json(Status{}, kNow);
  for (const auto& [key, value] : full.items()) EXPECT_TRUE(empty.contains(key)) << key;
  EXPECT_EQ(empty["state"], "starting");
  EXPECT_TRUE(empty["connections"].is_null());
  EXPECT_TRUE(empty["instance"]["system_identifier"].is_null());
  EXPECT_EQ(empty["archive"], "not configured");
}

TEST(StatusJson, StaleProbesReadAsNotOk) {
  // A2: one judgement for every endpoint.
  auto status = healthy_status();
  status.probes = {probe_at("login", Millis(60'000), true, "fine")};
  const auto probe = status_json(status, kNow)["probes"][0];
  EXPECT_EQ(probe["ok"], false);
  EXPECT_EQ(probe["stale"], true);
  EXPECT_EQ(probe["note"], "stale, last checked 1 min 0 s ago");
}

TEST(StatusJson, TextFromOutsideCannotBreakIt) {
  // Names may be any bytes in a SQL_ASCII database.
  auto status = healthy_status();
  status.databases[0].name = "a\xff\"\n";
  EXPECT_EQ(json::parse(to_text(status_json(status, kNow)))["databases"][0]["name"],
            "a\xef\xbf\xbd\"\n");
}

TEST(StatusNames, AreUniqueWords) {
  // Scripts match on them.
  std::set<std::string_view> names;
  for (std::size_t index = 0; index < kServiceStates; ++index)
    names.insert(to_string(static_cast<ServiceState>(index)));
  EXPECT_EQ(names.size(), kServiceStates);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace pgkeel::serve
