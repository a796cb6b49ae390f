#include "serve/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/verdict.hpp"
#include "unit/serve/exposition_reader.hpp"
#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using test::parse_prometheus;

TEST(Metrics, AreWellFormedAndInTheSameOrderEveryTime) {
  // A10: a strict reader of the exposition format finds nothing to say, and a diff finds nothing.
  const auto text = metrics_text(healthy_status(), kNow);
  const auto parsed = parse_prometheus(text);
  EXPECT_EQ(parsed.complaint, "");
  EXPECT_EQ(text, metrics_text(healthy_status(), kNow));
  EXPECT_EQ(text.rfind("# HELP pg_up ", 0), 0U);
}

TEST(Metrics, UsePostgresExportersNames) {
  // Existing dashboards and alert rules keep working.
  const auto samples = parse_prometheus(metrics_text(healthy_status(), kNow)).samples;
  EXPECT_EQ(samples.at("pg_up"), 1);
  EXPECT_EQ(samples.at("pg_static{version=\"15.18\",short_version=\"15.18\"}"), 1);
  EXPECT_EQ(samples.at("pg_settings_max_connections"), 100);
  EXPECT_EQ(samples.at("pg_settings_superuser_reserved_connections"), 3);
  EXPECT_EQ(samples.at("pg_database_size_bytes{datname=\"shop\"}"), 93e6);
  EXPECT_EQ(samples.at("pg_stat_database_numbackends{datid=\"16384\",datname=\"shop\"}"), 4);
  EXPECT_EQ(samples.at("pg_replication_is_replica"), 0);
  EXPECT_EQ(samples.at("pg_postmaster_start_time_seconds"), 1'795'226'645.0);
}

TEST(Metrics, HaveTheGuardsOwn) {
  // What only the guard knows.
  auto status = healthy_status();
  status.incidents_total = {{"server_killed", 2}, {"table_dropped", 1}};
  status.restarts_total = 2;
  status.open_incidents = {sample_incident()};
  const auto samples = parse_prometheus(metrics_text(status, kNow)).samples;
  EXPECT_EQ(samples.at("pgkeel_probe_ok{probe=\"login\"}"), 1);
  EXPECT_DOUBLE_EQ(samples.at("pgkeel_probe_age_seconds{probe=\"login\"}"), 0.8);
  EXPECT_DOUBLE_EQ(samples.at("pgkeel_probe_duration_seconds{probe=\"login\"}"), 0.004);
  EXPECT_EQ(samples.at("pgkeel_incidents_open"), 1);
  EXPECT_EQ(samples.at("pgkeel_incidents_total{cause=\"server_killed\"}"), 2);
  EXPECT_EQ(samples.at("pgkeel_restarts_total"), 2);
  EXPECT_EQ(samples.at("pgkeel_service_state{state=\"up\"}"), 1);
  EXPECT_EQ(samples.at("pgkeel_service_state{state=\"down\"}"), 0);
  EXPECT_EQ(samples.at("pgkeel_disk_free_bytes{mount_point=\"/var/lib/postgresql\"}"), 3e10);
  EXPECT_EQ(samples.at("pgkeel_disk_free_inodes{mount_point=\"/var/lib/postgresql\"}"), 1.9e6);
  EXPECT_EQ(samples.at("pgkeel_guard_resident_bytes"), 12e6);
  EXPECT_EQ(samples.at("pgkeel_build_info{version=\"0.1.0\"}"), 1);
}

TEST(Metrics, TellHowTheArchiveIsDoing) {
  // Goal: ages, lag, window, restore time and the running job of the archive; what is not known is
  // left out (A10 D15).
  auto status = healthy_status();
  ArchiveFigures figures;
  figures.at = kWallNow;
  figures.last_backup_at = kWallNow - Seconds(3600);
  figures.last_proof_at = kWallNow - Seconds(600);
  figures.restorable_from = kWallNow - Seconds(86'400);
  figures.backups = 7;
  figures.job = ArchiveJobNow{"backup drill", kWallNow - Seconds(5), "1.2 GB of 4.0 GB (30 %)"};
  figures.unprotected_since = kWallNow;
  figures.sync_waits_canceled = 3;
  status.archive =
      Protection{.ok = true, .lag_bytes = 4096, .lag = Millis(250), .figures = figures};
  const auto samples = parse_prometheus(metrics_text(status, kNow)).samples;
  EXPECT_EQ(samples.at("pgkeel_archive_backup_age_seconds"), 3600);
  EXPECT_EQ(samples.at("pgkeel_archive_proof_age_seconds"), 600);
  EXPECT_EQ(samples.at("pgkeel_archive_wal_lag_bytes"), 4096);
  EXPECT_EQ(samples.at("pgkeel_archive_wal_lag_seconds"), 0.25);
  EXPECT_EQ(samples.at("pgkeel_archive_backups"), 7);
  EXPECT_EQ(samples.at("pgkeel_archive_unprotected"), 1);
  EXPECT_EQ(samples.at("pgkeel_sync_waits_canceled_total"), 3);
  EXPECT_EQ(samples.count("pgkeel_archive_job_started_seconds{job=\"backup drill\"}"), 1U);
  EXPECT_EQ(samples.count("pgkeel_archive_restore_seconds"), 0U);
}

TEST(Metrics, AStaleLoginIsDown) {
  // A2: pg_up tells what is known now, not what was once true.
  auto status = healthy_status();
  status.probes = {probe_at("login", Millis(60'000))};
  const auto samples = parse_prometheus(metrics_text(status, kNow)).samples;
  EXPECT_EQ(samples.at("pg_up"), 0);
  EXPECT_EQ(samples.at("pgkeel_probe_ok{probe=\"login\"}"), 0);
  EXPECT_EQ(samples.at("pgkeel_probe_age_seconds{probe=\"login\"}"), 60);
}

TEST(Metrics, UnknownIsAbsent) {
  // A zero that means "not measured" would raise or silence an alert.
  const auto parsed = parse_prometheus(metrics_text(Status{}, kNow));
  EXPECT_EQ(parsed.complaint, "");
  EXPECT_EQ(parsed.samples.at("pg_up"), 0);
  for (const auto* name : {"pg_settings_max_connections", "pg_postmaster_start_time_seconds",
                           "pg_replication_is_replica"})
    EXPECT_FALSE(parsed.samples.contains(name)) << name;
}

TEST(Metrics, LabelsAreEscapedAndUtf8) {
  // One bad label costs the whole scrape.
  auto status = healthy_status();
  status.databases = {{.name = "a\"b\\c\nd\xff", .oid = Oid(1), .size_bytes = 1, .connections = 1}};
  const auto parsed = parse_prometheus(metrics_text(status, kNow));
  EXPECT_EQ(parsed.complaint, "");
  EXPECT_TRUE(
      parsed.samples.contains("pg_database_size_bytes{datname=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"}"));
}

TEST(Metrics, ASeriesIsToldOnce) {
  // Two findings about one database, or two names that are alike once they are UTF-8.
  auto status = healthy_status();
  status.databases = {{.name = "a\xff", .size_bytes = 1}, {.name = "a\xfe", .size_bytes = 2}};
  const auto parsed = parse_prometheus(metrics_text(status, kNow));
  EXPECT_EQ(parsed.complaint, "");
  EXPECT_EQ(parsed.samples.at("pg_database_size_bytes{datname=\"a\xef\xbf\xbd\"}"), 1);
}

TEST(Metrics, TheNumberOfSeriesIsBounded) {
  // A cluster with a thousand databases must not flood Prometheus; it is told that some are left
  // out.
  auto status = healthy_status();
  EXPECT_EQ(parse_prometheus(metrics_text(status, kNow)).samples.at("pgkeel_metrics_truncated"), 0);
  for (int index = 0; index < 5'000; ++index)
    status.databases.push_back({.name = "d" + std::to_string(index),
                                .oid = Oid(20'000),
                                .size_bytes = 1,
                                .connections = 1});
  const auto parsed = parse_prometheus(metrics_text(status, kNow));
  EXPECT_EQ(parsed.samples.at("pgkeel_metrics_truncated"), 1);
  EXPECT_LT(parsed.samples.size(), 3 * kMetricDatabasesMax + 100);
}

TEST(Metrics, TellOfTheGateway) {
  // Goal: none where there is none; up and its figures; a total is a counter (E4).
  auto status = healthy_status();
  EXPECT_THAT(metrics_text(status, kNow), testing::Not(testing::HasSubstr("pgkeel_gateway")));
  status.gateway = Gateway{.ok = false, .note = "not running", .listen = "h:1"};
  EXPECT_EQ(judge(status, kNow).reason, "gateway: not running");
  EXPECT_THAT(metrics_text(status, kNow), testing::HasSubstr("pgkeel_gateway_up 0\n"));
  status.gateway->ok = true;
  status.gateway->figures = GatewayFigures{.clients = 12,
                                           .clients_waiting = 3,
                                           .longest_wait = Millis(1'500),
                                           .servers_active = 4,
                                           .queries = 2'000,
                                           .waited = std::chrono::microseconds(2'500'000)};
  status.gateway->figures->waits.add(std::chrono::microseconds(0), 5);
  status.gateway->figures->waits.add(std::chrono::seconds(2), 2);
  status.gateway->figures->waits.add(std::chrono::seconds(100));
  status.gateway->figures->added.add(std::chrono::microseconds(20), 3);
  const auto text = metrics_text(status, kNow);
  for (const auto* line :
       {"# TYPE pgkeel_gateway_wait_seconds histogram\n",
        "pgkeel_gateway_wait_seconds_bucket{le=\"1\"} 5\n",
        "pgkeel_gateway_wait_seconds_bucket{le=\"2.5\"} 7\n",
        "pgkeel_gateway_wait_seconds_bucket{le=\"+Inf\"} 8\n",
        "pgkeel_gateway_wait_seconds_count 8\n", "pgkeel_gateway_wait_seconds_sum 104\n",
        "pgkeel_gateway_added_seconds_count 3\n", "pgkeel_gateway_up 1\n",
        "pgkeel_gateway_clients{state=\"active\"} 9\n",
        "pgkeel_gateway_clients{state=\"waiting\"} 3\n",
        "pgkeel_gateway_longest_wait_seconds 1.5\n", "pgkeel_gateway_servers{state=\"active\"} 4\n",
        "pgkeel_gateway_queries_total 2000\n", "pgkeel_gateway_wait_seconds_total 2.5\n",
        "# TYPE pgkeel_gateway_queries_total counter\n"})
    EXPECT_THAT(text, testing::HasSubstr(line));
}

}  // namespace
}  // namespace pgkeel::serve
