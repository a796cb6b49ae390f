// Field by field, in the order a person reads them.
#include "serve/status_json.hpp"

#include "incident/json.hpp"
#include "serve/verdict.hpp"

namespace pgkeel::serve {
namespace {

Json instance_json(const InstanceStatus& instance) {
  const auto known = [](auto number) { return number.valid() ? Json(to_string(number)) : Json(); };
  return {{"kind", instance.kind},
          {"description", instance.description},
          {"role", to_string(instance.role)},
          // A string, because JavaScript's numbers cannot hold it.
          {"system_identifier", known(instance.system_id)},
          {"timeline", instance.timeline.valid() ? Json(instance.timeline.value) : Json()},
          {"major", instance.major > 0 ? Json(instance.major) : Json()},
          {"version", or_null(instance.server_version)},
          {"port", instance.port != 0 ? Json(instance.port) : Json()},
          {"postmaster_pid", instance.postmaster_pid > 0 ? Json(instance.postmaster_pid) : Json()},
          {"started_at", or_null(instance.started_at)},
          {"anchor", instance.anchor}};
}

Json probes_json(const Status& status, SteadyTime now) {
  Json list = Json::array();
  for (const auto& probe : status.probes) {
    const auto reading = read_probe(probe, status, now);
    list.push_back({{"name", probe.name},
                    {"ok", reading.grade == Grade::Pass},
                    {"stale", reading.stale},
                    {"at", to_iso8601(probe.wall_at)},
                    {"age_ms", reading.age.count()},
                    {"took_ms", probe.took.count()},
                    {"note", reading.grade == Grade::Pass ? probe.note : reading.note}});
  }
  return list;
}

Json capabilities_json(const Status& status) {
  Json object = Json::object();
  for (const auto& capability : status.capabilities) object[capability.name] = capability.present;
  return object;
}

Json warnings_json(const Status& status) {
  Json list = Json::array();
  for (const auto& warning : status.warnings)
    list.push_back({{"name", warning.name}, {"text", warning.text}, {"hint", warning.hint}});
  return list;
}

Json drops_json(const Status& status) {
  Json list = Json::array();
  for (const auto& one : status.drops)
    list.push_back({{"database", one.database},
                    {"state", one.state},
                    {"refuses", one.refuses},
                    {"window_until", or_null(one.window_until)}});
  return list;
}

Json application_json(const Status& status) {
  if (!status.application) return nullptr;
  const auto& application = *status.application;
  Json items = Json::array();
  for (const auto& item : application.items)
    items.push_back({{"what", item.what}, {"state", item.state}});
  return {{"database", application.database},
          {"role", application.role},
          {"state", application.state},
          {"done_at", or_null(application.done_at)},
          {"items", items},
          {"failure", or_null(application.failure)},
          {"hint", or_null(application.hint)}};
}

Json features_json(const Status& status) {
  Json list = Json::array();
  for (const auto& feature : status.features)
    list.push_back({{"name", feature.name},
                    {"does", feature.sentence},
                    {"able", feature.able},
                    {"why_not", or_null(feature.why)}});
  return list;
}

Json alert_channels_json(const Status& status) {
  Json list = Json::array();
  for (const auto& channel : status.alert_channels)
    list.push_back({{"name", channel.name},
                    {"kind", channel.kind},
                    {"waiting", channel.waiting},
                    {"delivered", channel.delivered},
                    {"failures", channel.failures},
                    {"last_failure", or_null(channel.last_failure)},
                    {"last_failure_at", or_null(channel.last_failure_at)}});
  return list;
}

Json guard_json(const GuardStatus& guard, SteadyTime now) {
  const auto uptime = std::chrono::duration_cast<Millis>(now - guard.started);
  return {{"version", guard.version},
          {"pid", guard.pid},
          {"started_at", to_iso8601(guard.started_at)},
          {"uptime_ms", uptime.count()},
          {"resident_bytes", guard.rss_bytes},
          {"cpu_seconds", guard.cpu_seconds}};
}

Json incidents_json(const Status& status) {
  Json open = Json::array();
  for (const auto& incident : status.open_incidents)
    open.push_back(incident::line_to_json(incident));
  Json totals = Json::object();
  for (const auto& [cause, count] : status.incidents_total) totals[cause] = count;
  return {{"open", open}, {"total_by_cause", totals}, {"restarts_total", status.restarts_total}};
}

}  // namespace

Json databases_json(const Status& status) {
  Json list = Json::array();
  for (const auto& database : status.databases)
    list.push_back({{"name", database.name},
                    {"size_bytes", or_null(database.size_bytes)},
                    {"connections", or_null(database.connections)},
                    {"missing", database.missing}});
  return list;
}

Json largest_tables_json(const Status& status) {
  Json list = Json::array();
  for (const auto& table : status.largest_tables)
    list.push_back({{"table", table.database + "." + table.schema + "." + table.name},
                    {"size_bytes", table.size_bytes}});
  return list;
}

Json connections_json(const Status& status) {
  if (!status.connections) return nullptr;
  const auto& connections = *status.connections;
  return {{"used", connections.used},
          {"max", connections.max},
          {"reserved", connections.reserved},
          {"free_to_clients", connections.max - connections.reserved - connections.used}};
}

Json disk_json(const Status& status) {
  if (!status.disk) return nullptr;
  const auto& disk = *status.disk;
  return {{"mount_point", disk.mount_point},
          {"bytes_total", disk.bytes_total},
          {"bytes_free", disk.bytes_free},
          {"inodes_total", disk.inodes_total},
          {"inodes_free", disk.inodes_free}};
}

namespace {

Json job_json(const std::optional<ArchiveJobNow>& job) {
  if (!job) return nullptr;
  return {{"name", job->name},
          {"started_at", to_iso8601(job->started_at)},
          {"progress", or_null(job->progress)}};
}

void add_figures(Json& json, const ArchiveFigures& figures) {
  json["last_backup_at"] = or_null(figures.last_backup_at);
  json["last_proof_at"] = or_null(figures.last_proof_at);
  json["restore_ms"] = or_null(figures.restore_took);
  json["restorable_from"] = or_null(figures.restorable_from);
  json["restorable_until"] = or_null(figures.restorable_until);
  json["backups"] = or_null(figures.backups);
  json["stored_bytes"] = or_null(figures.stored_bytes);
  json["job"] = job_json(figures.job);
  json["unprotected_since"] = or_null(figures.unprotected_since);
  json["unprotected_until"] = or_null(figures.unprotected_until);
  json["sync_waits_canceled"] = figures.sync_waits_canceled;
}

}  // namespace

Json protection_json(const std::optional<Protection>& protection) {
  if (!protection) return "not configured";
  Json json = {{"ok", protection->ok},
               {"note", protection->note},
               {"lag_bytes", or_null(protection->lag_bytes)},
               {"lag_ms", or_null(protection->lag)}};
  if (protection->figures) add_figures(json, *protection->figures);
  return json;
}

Json gateway_json(const std::optional<Gateway>& gateway) {
  if (!gateway) return "not configured";
  Json json = {{"ok", gateway->ok}, {"note", gateway->note}, {"listen", gateway->listen}};
  if (!gateway->figures) return json;
  const auto& figures = *gateway->figures;
  json.update({{"clients", figures.clients},
               {"clients_waiting", figures.clients_waiting},
               {"longest_wait_ms", figures.longest_wait.count()},
               {"servers_active", figures.servers_active},
               {"servers_idle", figures.servers_idle},
               {"servers_opening", figures.servers_opening},
               {"transactions_total", figures.transactions},
               {"queries_total", figures.queries},
               {"received_bytes_total", figures.received_bytes},
               {"sent_bytes_total", figures.sent_bytes},
               {"waited_us_total", figures.waited.count()}});
  return json;
}

Json status_json(const Status& status, SteadyTime now) {
  const auto verdict = judge(status, now);
  return {{"state", to_string(status.state)},
          {"since", to_iso8601(status.since)},
          {"health", to_string(verdict.grade)},
          {"serving", verdict.serving},
          {"writable", verdict.writable},
          {"reason", verdict.reason},
          {"mode", status.mode},
          {"paused", status.paused},
          {"paused_until", or_null(status.paused_until)},
          {"instance", instance_json(status.instance)},
          {"probes", probes_json(status, now)},
          {"databases", databases_json(status)},
          {"missing_relations", status.missing_relations},
          {"connections", connections_json(status)},
          {"largest_tables", largest_tables_json(status)},
          {"disk", disk_json(status)},
          {"replication", protection_json(status.replication)},
          {"archive", protection_json(status.archive)},
          {"shadow", protection_json(status.shadow)},
          {"gateway", gateway_json(status.gateway)},
          {"drops", drops_json(status)},
          {"incidents", incidents_json(status)},
          {"alert_channels", alert_channels_json(status)},
          {"capabilities", capabilities_json(status)},
          {"features", features_json(status)},
          {"warnings", warnings_json(status)},
          {"application", application_json(status)},
          {"guard", guard_json(status.guard, now)}};
}

}  // namespace pgkeel::serve
