#include "serve/health.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;

TEST(Health, LivezIsAnsweredWithoutLookingAtAnything) {
  // E6: liveness never touches the database, not even the snapshot of it.
  FakeGuard guard;
  for (const auto* path : {"/livez", "/liveness"}) {
    const auto response = guard.get(path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "ok\n");
  }
  EXPECT_EQ(guard.status.asked, 0);
}

TEST(Health, ReadyzIsShortWhenReadyAndListsWhenAsked) {
  // A8: the lines are Kubernetes' own form.
  FakeGuard guard;
  EXPECT_EQ(guard.get("/readyz").body, "ok\n");
  EXPECT_EQ(guard.get("/readyz", {{"verbose", ""}}).body,
            "[+]state ok\n[+]process ok\n[+]login ok\n[ ]write ok\n[ ]files ok\n"
            "readyz check passed\n");
}

TEST(Health, ReadyzNamesWhatFailedEvenUnasked) {
  // A2: a stale login is not ready, and its age is in the line.
  FakeGuard guard;
  guard.status.value.probes = {probe_at("login", Millis(40'000))};
  const auto response = guard.get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body,
            "[+]state ok\n[-]login failed: stale, last checked 40.0 s ago\nreadyz check failed\n");
}

TEST(Health, ReadyzExcludesChecksOnRequest) {
  // Kubernetes' ?exclude=: several, separated by commas.
  FakeGuard guard;
  guard.status.value.state = ServiceState::Down;
  guard.status.value.probes = {probe_at("login", Millis(10), false, "refused")};
  EXPECT_EQ(guard.get("/readyz", {{"exclude", "state"}}).status, 503);
  EXPECT_EQ(guard.get("/readyz", {{"exclude", "state,login"}}).status, 200);
}

TEST(Health, SmallDocumentHasStatusSizeAndAge) {
  // E6 A8: application/health+json, small: status, database size, age of the last probe.
  FakeGuard guard;
  const auto response = guard.get("/health");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/health+json");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["status"], "pass");
  EXPECT_EQ(document["version"], "1");
  EXPECT_EQ(document["releaseId"], "0.1.0");
  EXPECT_EQ(document["database_size_bytes"], 100'000'000);
  EXPECT_EQ(document["last_probe_age_ms"], 800);
  EXPECT_FALSE(document.contains("output"));
  const auto& login = document["checks"]["postgresql:login"];
  ASSERT_TRUE(login.is_array());
  EXPECT_EQ(login[0]["status"], "pass");
  EXPECT_EQ(login[0]["componentType"], "datastore");
  EXPECT_EQ(login[0]["observedValue"], 4);
  EXPECT_EQ(login[0]["observedUnit"], "ms");
  EXPECT_EQ(login[0]["time"], "2026-11-21T03:04:04.200Z");
}

TEST(Health, CannotServeIs503WithTheReason) {
  // A8 D1: an outside monitor sees the failure in the code and the reason in `output`.
  FakeGuard guard;
  guard.status.value.state = ServiceState::Recovering;
  guard.status.value.probes = {probe_at("login", Millis(10), false, "connection refused")};
  for (const auto* path : {"/health", "/database/health"}) {
    const auto response = guard.get(path);
    EXPECT_EQ(response.status, 503);
    const auto document = json::parse(response.body);
    EXPECT_EQ(document["status"], "fail");
    EXPECT_EQ(document["output"], "login: connection refused");
    EXPECT_EQ(document["checks"]["postgresql:login"][0]["output"], "connection refused");
  }
}

TEST(Health, AFailingSideProbeIsOnlyAWarning) {
  // E8: the whole and the parts agree that the database still serves.
  FakeGuard guard;
  guard.status.value.probes[3] = probe_at("files", Millis(10), false, "disk 91 % full");
  const auto response = guard.get("/health");
  EXPECT_EQ(response.status, 200);
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["status"], "warn");
  EXPECT_EQ(document["checks"]["postgresql:files"][0]["status"], "warn");
}

TEST(Health, UnknownNumbersAreNull) {
  // Nothing measured is not the same as zero.
  FakeGuard guard;
  guard.status.value = Status{};
  const auto document = json::parse(guard.get("/health").body);
  EXPECT_TRUE(document["database_size_bytes"].is_null());
  EXPECT_TRUE(document["last_probe_age_ms"].is_null());
  EXPECT_EQ(document["checks"], json::object());
}

TEST(Health, DetailedDocumentHasEveryPart) {
  // E6 D12: sizes, connections against limits, largest tables, protections, alerts.
  FakeGuard guard;
  guard.status.value.open_incidents = {sample_incident()};
  guard.status.value.archive =
      Protection{.ok = true, .note = "current", .lag_bytes = 12, .lag = Millis(5)};
  const auto document = json::parse(guard.get("/database/health").body);
  EXPECT_EQ(document["databases"][1]["name"], "shop");
  EXPECT_EQ(document["databases"][1]["size_bytes"], 93'000'000);
  EXPECT_EQ(document["connections"]["used"], 5);
  EXPECT_EQ(document["connections"]["free_to_clients"], 92);
  EXPECT_EQ(document["largest_tables"][0]["table"], "shop.public.orders");
  EXPECT_EQ(document["disk"]["inodes_free"], 1'900'000);
  EXPECT_EQ(document["replication"], "not configured");
  EXPECT_EQ(document["shadow"], "not configured");
  EXPECT_EQ(document["archive"]["lag_bytes"], 12);
  EXPECT_EQ(document["alerts"][0]["cause"], "table_dropped");
  EXPECT_EQ(document["checks"]["postgresql:size"][0]["observedValue"], 100'000'000);
  EXPECT_EQ(document["checks"]["postgresql:connections"][0]["observedValue"], 5);
}

struct CheckCase {
  const char* path;
  int primary;
  int standby;
  int unknown;
  int read_only_primary;  // the write probe fails
  int down;
};

class RoleChecks : public testing::TestWithParam<CheckCase> {};

TEST_P(RoleChecks, FollowThePatroniConventions) {
  // A8: HAProxy's existing checks work unchanged, with GET and OPTIONS (its default).
  const auto& expected = GetParam();
  const auto status_of = [&](const Status& status) {
    FakeGuard guard;
    guard.status.value = status;
    const auto get = guard.get(expected.path);
    const auto options = guard.ask(request("OPTIONS", expected.path));
    EXPECT_EQ(options.status, get.status);
    EXPECT_EQ(options.body, "");
    return get.status;
  };
  const auto with_role = [](Role role) {
    auto status = healthy_status();
    status.instance.role = role;
    return status;
  };
  auto read_only = healthy_status();
  read_only.probes[2] = probe_at("write", Millis(1), false, "disk full");
  auto down = healthy_status();
  down.state = ServiceState::Down;
  EXPECT_EQ(status_of(with_role(Role::Primary)), expected.primary);
  EXPECT_EQ(status_of(with_role(Role::Standby)), expected.standby);
  EXPECT_EQ(status_of(with_role(Role::Unknown)), expected.unknown);
  EXPECT_EQ(status_of(read_only), expected.read_only_primary);
  EXPECT_EQ(status_of(down), expected.down);
}

INSTANTIATE_TEST_SUITE_P(Paths, RoleChecks,
                         testing::Values(CheckCase{"/primary", 200, 503, 503, 200, 503},
                                         CheckCase{"/leader", 200, 503, 503, 200, 503},
                                         CheckCase{"/read-write", 200, 503, 503, 503, 503},
                                         CheckCase{"/replica", 503, 200, 503, 503, 503},
                                         CheckCase{"/read-only", 200, 200, 200, 200, 503},
                                         CheckCase{"/readiness", 200, 200, 200, 200, 503},
                                         CheckCase{"/liveness", 200, 200, 200, 200, 200}));

TEST(Health, ReplicaHonoursTheLagItIsAskedFor) {
  // A standby whose lag is unknown or too large is not fit for reads that asked for a limit.
  FakeGuard guard;
  guard.status.value.instance.role = Role::Standby;
  EXPECT_EQ(guard.get("/replica", {{"lag", "10MB"}}).status, 503);
  guard.status.value.replication =
      Protection{.ok = true, .note = {}, .lag_bytes = 1'000'000, .lag = {}};
  EXPECT_EQ(guard.get("/replica", {{"lag", "10MB"}}).status, 200);
  EXPECT_EQ(guard.get("/replica", {{"lag", "999999"}}).status, 503);
  EXPECT_EQ(guard.get("/replica", {{"lag", "much"}}).status, 400);
}

}  // namespace
}  // namespace pgkeel::serve
