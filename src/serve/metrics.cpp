// Families from a snapshot, the server's first, then the guard's own.
#include "serve/metrics.hpp"

#include <algorithm>
#include <span>

#include "serve/metric_set.hpp"
#include "serve/verdict.hpp"

namespace pgkeel::serve {
namespace {

double seconds(Millis duration) { return std::chrono::duration<double>(duration).count(); }
double seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}
template <class T>
std::span<const T> first(const std::vector<T>& all, std::size_t most) {
  return std::span(all).first(std::min(all.size(), most));
}

void add_server(MetricSet& set, const Status& status, const Verdict& verdict) {
  const auto& instance = status.instance;
  set.gauge("pg_up", "Whether the server takes logins and may be used.")
      .sample(verdict.serving ? 1 : 0);
  set.gauge("pg_static", "Version of the server.");
  if (!instance.server_version.empty())
    set.sample(1,
               {{"version", instance.server_version}, {"short_version", instance.server_version}});
  set.gauge("pg_postmaster_start_time_seconds", "When the postmaster started, Unix time.");
  if (instance.started_at) set.sample(seconds(*instance.started_at));
  set.gauge("pg_replication_is_replica", "Whether the server is a standby.");
  if (instance.role != Role::Unknown) set.sample(instance.role == Role::Standby ? 1 : 0);
  set.gauge("pg_replication_lag_seconds", "How far replay is behind the primary.");
  if (status.replication && status.replication->lag) set.sample(seconds(*status.replication->lag));
}

void add_connections(MetricSet& set, const Status& status) {
  if (!status.connections) return;
  const auto& connections = *status.connections;
  set.gauge("pg_settings_max_connections", "Server setting max_connections.")
      .sample(connections.max);
  set.gauge("pg_settings_superuser_reserved_connections",
            "Server setting superuser_reserved_connections.")
      .sample(connections.reserved);
  set.gauge("pgkeel_connections_used", "Client connections to the server, all databases.")
      .sample(connections.used);
}

void add_databases(MetricSet& set, const Status& status) {
  const auto databases = first(status.databases, kMetricDatabasesMax);
  set.gauge("pg_database_size_bytes", "Disk space used by the database.");
  for (const auto& database : databases)
    if (database.size_bytes)
      set.sample(static_cast<double>(*database.size_bytes), {{"datname", database.name}});
  set.gauge("pg_stat_database_numbackends", "Connections to the database.");
  for (const auto& database : databases)
    if (database.connections)
      set.sample(*database.connections,
                 {{"datid", to_string(database.oid)}, {"datname", database.name}});
  set.gauge("pgkeel_database_missing", "Whether a known or required database is gone.");
  for (const auto& database : databases)
    set.sample(database.missing ? 1 : 0, {{"datname", database.name}});
}

void add_tables(MetricSet& set, const Status& status) {
  set.gauge("pgkeel_table_size_bytes", "Disk space of the largest tables, with indexes and TOAST.");
  for (const auto& table : first(status.largest_tables, kMetricTablesMax))
    set.sample(
        static_cast<double>(table.size_bytes),
        {{"datname", table.database}, {"schemaname", table.schema}, {"relname", table.name}});
  set.gauge("pgkeel_relations_missing", "Known or required relations that are gone.")
      .sample(static_cast<double>(status.missing_relations.size()));
  const bool truncated = status.databases.size() > kMetricDatabasesMax ||
                         status.largest_tables.size() > kMetricTablesMax;
  set.gauge("pgkeel_metrics_truncated",
            "Whether series were left out to keep their number bounded.")
      .sample(truncated ? 1 : 0);
}

void add_disk(MetricSet& set, const Status& status) {
  if (!status.disk) return;
  const auto& disk = *status.disk;
  const auto add = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    set.gauge(name, help).sample(static_cast<double>(value), {{"mount_point", disk.mount_point}});
  };
  add("pgkeel_disk_size_bytes", "Size of the data directory's file system.", disk.bytes_total);
  add("pgkeel_disk_free_bytes", "Free there to an unprivileged user.", disk.bytes_free);
  add("pgkeel_disk_inodes", "Inodes of that file system; 0 where they are not counted.",
      disk.inodes_total);
  add("pgkeel_disk_free_inodes", "Free inodes of that file system.", disk.inodes_free);
}

void add_probes(MetricSet& set, const Status& status, SteadyTime now) {
  const auto add = [&](std::string_view name, std::string_view help, auto value) {
    set.gauge(name, help);
    for (const auto& probe : status.probes)
      set.sample(value(probe, read_probe(probe, status, now)), {{"probe", probe.name}});
  };
  add("pgkeel_probe_ok", "Whether the probe's last result is good and not stale.",
      [](const Probe&, const ProbeReading& reading) {
        return reading.grade == Grade::Pass ? 1.0 : 0.0;
      });
  add("pgkeel_probe_age_seconds", "Age of the probe's last result.",
      [](const Probe&, const ProbeReading& reading) { return seconds(reading.age); });
  add("pgkeel_probe_duration_seconds", "How long the probe took.",
      [](const Probe& probe, const ProbeReading&) { return seconds(probe.took); });
}

void add_service(MetricSet& set, const Status& status, const Verdict& verdict) {
  set.gauge("pgkeel_service_state", "1 for the state the service is in, 0 for the others.");
  for (std::size_t index = 0; index < kServiceStates; ++index) {
    const auto state = static_cast<ServiceState>(index);
    set.sample(state == status.state ? 1 : 0, {{"state", to_string(state)}});
  }
  set.gauge("pgkeel_writable", "Whether the database takes writes.")
      .sample(verdict.writable ? 1 : 0);
  set.gauge("pgkeel_paused", "Whether the guard only watches.").sample(status.paused ? 1 : 0);
  set.gauge("pgkeel_protection_ok", "Whether a configured protection works.");
  const auto add = [&](std::string_view name, const std::optional<Protection>& part) {
    if (part) set.sample(part->ok ? 1 : 0, {{"protection", name}});
  };
  add("replication", status.replication);
  add("archive", status.archive);
  add("shadow", status.shadow);
}

void add_archive(MetricSet& set, const Status& status) {
  if (!status.archive) return;
  const auto add = [&](std::string_view name, std::string_view help, std::optional<double> value) {
    set.gauge(name, help);
    if (value) set.sample(*value);
  };
  const auto& archive = *status.archive;
  const auto as_number = [](auto value) {
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  const auto span = [](std::optional<Millis> value) {
    return value ? std::optional(seconds(*value)) : std::nullopt;
  };
  add("pgkeel_archive_wal_lag_bytes", "WAL of the server that is not on the archive's disk.",
      as_number(archive.lag_bytes));
  add("pgkeel_archive_wal_lag_seconds", "Age of the oldest WAL that is not on the archive's disk.",
      span(archive.lag));
  if (!archive.figures) return;
  const auto& figures = *archive.figures;
  const auto time = [](std::optional<WallTime> value) {
    return value ? std::optional(seconds(*value)) : std::nullopt;
  };
  const auto age = [&](std::optional<WallTime> value) {
    return value ? std::optional(seconds(figures.at) - seconds(*value)) : std::nullopt;
  };
  add("pgkeel_archive_backup_age_seconds", "Age of the newest backup.",
      age(figures.last_backup_at));
  add("pgkeel_archive_proof_age_seconds", "Time since a drill last held.",
      age(figures.last_proof_at));
  add("pgkeel_archive_restore_seconds", "How long the last drill that held took to restore.",
      span(figures.restore_took));
  add("pgkeel_archive_restorable_from_seconds",
      "The oldest moment that can be had back, Unix time.", time(figures.restorable_from));
  add("pgkeel_archive_restorable_until_seconds", "The newest moment that can be had back.",
      time(figures.restorable_until));
  add("pgkeel_archive_backups", "Backups in the archive.", as_number(figures.backups));
  add("pgkeel_archive_stored_bytes", "What they take in the store, without WAL.",
      as_number(figures.stored_bytes));
  add("pgkeel_archive_unprotected",
      "Whether commits do not wait for the archive although they should.",
      figures.unprotected_since && !figures.unprotected_until ? 1.0 : 0.0);
  set.gauge("pgkeel_archive_job_started_seconds", "When the job that runs now began, Unix time.");
  if (figures.job) set.sample(seconds(figures.job->started_at), {{"job", figures.job->name}});
  set.counter(
         "pgkeel_sync_waits_canceled_total",
         "Commits whose wait for a synchronous standby was cancelled, since the guard started.")
      .sample(static_cast<double>(figures.sync_waits_canceled));
}

void add_gateway(MetricSet& set, const Status& status) {
  if (!status.gateway) return;
  set.gauge("pgkeel_gateway_up", "Whether the gateway runs and answers.")
      .sample(status.gateway->ok ? 1 : 0);
  if (!status.gateway->figures) return;
  const auto& figures = *status.gateway->figures;
  set.gauge("pgkeel_gateway_clients", "Clients that are logged in.")
      .sample(static_cast<double>(figures.clients - figures.clients_waiting), {{"state", "active"}})
      .sample(static_cast<double>(figures.clients_waiting), {{"state", "waiting"}});
  set.gauge("pgkeel_gateway_longest_wait_seconds",
            "How long the client has waited that waits longest for a server connection.")
      .sample(seconds(figures.longest_wait));
  set.gauge("pgkeel_gateway_servers", "Connections to the server.")
      .sample(static_cast<double>(figures.servers_active), {{"state", "active"}})
      .sample(static_cast<double>(figures.servers_idle), {{"state", "idle"}})
      .sample(static_cast<double>(figures.servers_opening), {{"state", "opening"}});
  const auto total = [&](std::string_view name, std::string_view help, std::int64_t value) {
    set.counter(name, help).sample(static_cast<double>(value));
  };
  total("pgkeel_gateway_transactions_total", "Transactions that are over.", figures.transactions);
  total("pgkeel_gateway_queries_total", "Queries that were answered.", figures.queries);
  total("pgkeel_gateway_received_bytes_total", "From clients.", figures.received_bytes);
  total("pgkeel_gateway_sent_bytes_total", "To clients.", figures.sent_bytes);
  set.counter("pgkeel_gateway_wait_seconds_total",
              "Time that clients waited for a server connection, all together.")
      .sample(std::chrono::duration<double>(figures.waited).count());
  set.histogram("pgkeel_gateway_wait_seconds",
                "How long a client waited for a server connection; 0: one was free.")
      .sample(figures.waits);
  set.histogram("pgkeel_gateway_added_seconds",
                "How long a query stayed in the gateway on its way to the server, at most.")
      .sample(figures.added);
}

void add_incidents(MetricSet& set, const Status& status) {
  set.gauge("pgkeel_incidents_open", "Incidents that are not closed.")
      .sample(static_cast<double>(status.open_incidents.size()));
  set.counter("pgkeel_incidents_total", "Incidents opened since the guard started.");
  for (const auto& [cause, count] : status.incidents_total)
    set.sample(static_cast<double>(count), {{"cause", cause}});
  set.counter("pgkeel_restarts_total", "Server starts by the guard since it started.")
      .sample(static_cast<double>(status.restarts_total));
}

void add_alerts(MetricSet& set, const Status& status) {
  const auto channels = first(status.alert_channels, kMetricAlertChannelsMax);
  const auto add = [&](auto& family, auto value) {
    for (const auto& channel : channels)
      family.sample(static_cast<double>(value(channel)), {{"channel", channel.name}});
  };
  add(set.gauge("pgkeel_alerts_waiting", "Alerts that are not delivered yet."),
      [](const AlertChannel& channel) { return channel.waiting; });
  add(set.gauge("pgkeel_alerts_failing", "Whether the channel's last attempt failed."),
      [](const AlertChannel& channel) { return channel.last_failure.empty() ? 0 : 1; });
  add(set.counter("pgkeel_alerts_delivered_total", "Alerts delivered since the guard started."),
      [](const AlertChannel& channel) { return channel.delivered; });
  add(set.counter("pgkeel_alert_attempts_failed_total", "Attempts to deliver that failed."),
      [](const AlertChannel& channel) { return channel.failures; });
}

void add_guard(MetricSet& set, const Status& status) {
  const auto& guard = status.guard;
  set.gauge("pgkeel_build_info", "Always 1; the label is the guard's version.")
      .sample(1, {{"version", guard.version}});
  set.gauge("pgkeel_guard_resident_bytes", "Resident memory of the guard.")
      .sample(static_cast<double>(guard.rss_bytes));
  set.gauge("process_resident_memory_bytes", "Resident memory of the guard.")
      .sample(static_cast<double>(guard.rss_bytes));
  set.gauge("process_start_time_seconds", "When the guard started, Unix time.")
      .sample(seconds(guard.started_at));
  set.counter("process_cpu_seconds_total", "CPU time of the guard.").sample(guard.cpu_seconds);
}

}  // namespace

std::string metrics_text(const Status& status, SteadyTime now) {
  MetricSet set;
  const auto verdict = judge(status, now);
  add_server(set, status, verdict);
  add_connections(set, status);
  add_databases(set, status);
  add_tables(set, status);
  add_disk(set, status);
  add_probes(set, status, now);
  add_service(set, status, verdict);
  add_archive(set, status);
  add_gateway(set, status);
  add_incidents(set, status);
  add_alerts(set, status);
  add_guard(set, status);
  return set.text();
}

}  // namespace pgkeel::serve
