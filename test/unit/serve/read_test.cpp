#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;

HttpRequest local_get(std::string path, std::map<std::string, std::string> query = {}) {
  return over_unix(get_request(std::move(path), std::move(query)));
}

TEST(ReadApi, ListsIncidentsNewestFirstAndBounded) {
  // D15: the incident log, a line each.
  FakeGuard guard;
  const auto response = guard.get("/api/v1/incidents");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(guard.incidents.asked_for, 50U);
  const auto line = json::parse(response.body)["incidents"][0];
  EXPECT_EQ(line["id"], "2026-11-21-003");
  EXPECT_EQ(line["cause"], "table_dropped");
  EXPECT_EQ(line["detected_ms"], 180);
  EXPECT_EQ(line["state"], "waiting");
  EXPECT_TRUE(line["recovered_ms"].is_null());
  EXPECT_EQ(guard.get("/api/v1/incidents", {{"limit", "7"}}).status, 200);
  EXPECT_EQ(guard.incidents.asked_for, 7U);
  for (const auto* limit : {"0", "-1", "1001", "x", "", "7x", "99999999999999999999"})
    EXPECT_EQ(guard.get("/api/v1/incidents", {{"limit", limit}}).status, 400) << limit;
}

TEST(ReadApi, ShowsOneIncidentInTheContractsShape) {
  // X5: cause, confidence, evidence and actions, as the contract has them.
  FakeGuard guard;
  guard.incidents.all[0].evidence = {
      {.at = kWallNow, .source = "catalog", .text = "relation is gone"}};
  const auto response = guard.get("/api/v1/incidents/2026-11-21-003");
  EXPECT_EQ(response.status, 200);
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["id"], "2026-11-21-003");
  EXPECT_EQ(document["cause"], "table_dropped");
  EXPECT_EQ(document["confidence"], 0.98);
  EXPECT_EQ(document["evidence"][0]["source"], "catalog");
  EXPECT_EQ(document["evidence"][0]["text"], "relation is gone");
  const auto absent = guard.get("/api/v1/incidents/nope");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(json::parse(absent.body)["code"], "not_found");
}

TEST(ReadApi, LogsAreTailedFromTheSourceAskedFor) {
  // `pgkeel logs [postgres|guard|gateway] -n N`.
  FakeGuard guard;
  const auto response = guard.ask(local_get("/api/v1/logs"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(guard.logs.asked_for, "postgres 100");
  EXPECT_EQ(json::parse(response.body),
            json::parse(R"({"source":"postgres","cut":false,"lines":["one","two"]})"));
  EXPECT_EQ(guard.ask(local_get("/api/v1/logs", {{"source", "guard"}, {"lines", "5"}})).status,
            200);
  EXPECT_EQ(guard.logs.asked_for, "guard 5");
  const auto gateway = guard.ask(local_get("/api/v1/logs", {{"source", "gateway"}}));
  EXPECT_EQ(json::parse(gateway.body)["source"], "gateway");
  EXPECT_EQ(guard.logs.asked_for, "gateway 100");
  EXPECT_EQ(guard.ask(local_get("/api/v1/logs", {{"source", "etc"}})).status, 400);
  EXPECT_EQ(guard.ask(local_get("/api/v1/logs", {{"lines", "10001"}})).status, 400);
}

TEST(ReadApi, LogLinesAreBoundedAndTheNewestKept) {
  // A log of huge statements cannot make the guard huge.
  FakeGuard guard;
  guard.logs.lines = std::vector<std::string>(2'000, std::string(100'000, 'x'));
  guard.logs.lines->back() = "the newest";
  const auto response = guard.ask(local_get("/api/v1/logs", {{"lines", "10000"}}));
  EXPECT_LT(response.body.size(), 2U << 20U);
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["cut"], true);
  EXPECT_EQ(document["lines"].back(), "the newest");
  EXPECT_LT(document["lines"][0].get<std::string>().size(), 8'300U);
}

TEST(ReadApi, NoSecretLeavesInLogsOrConninfo) {
  // Safety rule 12: secrets never reach the HTTP API.
  FakeGuard guard;
  guard.logs.lines =
      std::vector<std::string>{"LOG:  statement: ALTER ROLE app PASSWORD 'hunter2'",
                               "app: connecting to postgres://app:hunter2@db/shop",
                               "FATAL:  password authentication failed for user \"app\""};
  const auto logs = guard.ask(local_get("/api/v1/logs"));
  EXPECT_EQ(logs.body.find("hunter2"), std::string::npos);
  EXPECT_NE(logs.body.find("password authentication failed for user"), std::string::npos);
  guard.status.connection = "host=/run/postgresql user=app password=hunter2";
  const auto conninfo = guard.ask(local_get("/api/v1/conninfo"));
  EXPECT_EQ(conninfo.status, 200);
  EXPECT_EQ(conninfo.body.find("hunter2"), std::string::npos);
}

TEST(ReadApi, ConninfoOrWhyNot) {
  // `pgkeel psql` asks where to connect.
  FakeGuard guard;
  EXPECT_EQ(json::parse(guard.ask(local_get("/api/v1/conninfo")).body)["conninfo"],
            "host=/run/postgresql port=5432");
  guard.status.connection = fail(ErrorCode::ServerNotRunning, "the server is down");
  EXPECT_EQ(guard.ask(local_get("/api/v1/conninfo")).status, 409);
}

TEST(ReadApi, LogsThatAreNotUtf8StillArrive) {
  // Server logs have the bytes of every client's encoding in them.
  FakeGuard guard;
  guard.logs.lines = std::vector<std::string>{"caf\xe9"};
  EXPECT_EQ(json::parse(guard.ask(local_get("/api/v1/logs")).body)["lines"][0], "caf\xef\xbf\xbd");
}

}  // namespace
}  // namespace pgkeel::serve
