// Every check is an array of one or more objects under "component:measurement", as the draft wants.
#include "serve/health.hpp"

#include <fmt/format.h>

#include "incident/json.hpp"
#include "serve/status_json.hpp"
#include "serve/verdict.hpp"

namespace pgkeel::serve {
namespace {

Json probe_check(const Probe& probe, const ProbeReading& reading) {
  // A probe that decides nothing can make the whole no worse than "warn", and says so itself.
  const auto grade =
      reading.grade == Grade::Fail && !decides(probe.name) ? Grade::Warn : reading.grade;
  Json check = {{"componentType", "datastore"},
                {"observedValue", probe.took.count()},
                {"observedUnit", "ms"},
                {"status", to_string(grade)},
                {"time", to_iso8601(probe.wall_at)},
                {"age_ms", reading.age.count()}};
  if (reading.grade != Grade::Pass) check["output"] = reading.note;
  return check;
}

Json probe_checks(const Status& status, SteadyTime now) {
  Json checks = Json::object();
  for (const auto& probe : status.probes)
    checks["postgresql:" + probe.name].push_back(
        probe_check(probe, read_probe(probe, status, now)));
  return checks;
}

Json measured(Json value, std::string_view unit) {
  return {{{"componentType", "datastore"},
           {"observedValue", std::move(value)},
           {"observedUnit", unit}}};
}

Json head(const Status& status, const Verdict& verdict, SteadyTime now) {
  const auto* login = status.probe(kLoginProbe);
  Json document = {
      {"status", to_string(verdict.grade)},
      {"version", "1"},
      {"releaseId", status.guard.version},
      {"description", "PostgreSQL under pgkeel: " + status.instance.description},
      {"state", to_string(status.state)},
      {"since", to_iso8601(status.since)},
      {"database_size_bytes", or_null(status.size_bytes())},
      {"last_probe_age_ms", login ? Json(read_probe(*login, status, now).age.count()) : Json()}};
  if (verdict.grade != Grade::Pass) document["output"] = verdict.reason;
  return document;
}

void add_line(Readiness& readiness, std::string_view name, Grade grade, std::string_view note) {
  if (grade == Grade::Pass) readiness.lines += fmt::format("[+]{} ok\n", name);
  else readiness.lines += fmt::format("[-]{} failed: {}\n", name, note);
  if (grade != Grade::Pass) readiness.ready = false;
}

void add_probe_line(Readiness& readiness, const Probe& probe, const ProbeReading& reading) {
  if (decides(probe.name)) {
    add_line(readiness, probe.name, reading.grade, reading.note);
    return;
  }
  readiness.lines += reading.grade == Grade::Pass
                         ? fmt::format("[ ]{} ok\n", probe.name)
                         : fmt::format("[ ]{} failed: {}\n", probe.name, reading.note);
}

}  // namespace

std::string health_document(const Status& status, SteadyTime now) {
  auto document = head(status, judge(status, now), now);
  document["checks"] = probe_checks(status, now);
  return to_text(document);
}

std::string database_health_document(const Status& status, SteadyTime now) {
  auto document = head(status, judge(status, now), now);
  auto checks = probe_checks(status, now);
  if (const auto size = status.size_bytes()) checks["postgresql:size"] = measured(*size, "byte");
  if (status.connections)
    checks["postgresql:connections"] = measured(status.connections->used, "connection");
  if (status.disk) checks["disk:free"] = measured(status.disk->bytes_free, "byte");
  document["checks"] = std::move(checks);
  document["databases"] = databases_json(status);
  document["missing_relations"] = status.missing_relations;
  document["connections"] = connections_json(status);
  document["largest_tables"] = largest_tables_json(status);
  document["disk"] = disk_json(status);
  document["replication"] = protection_json(status.replication);
  document["archive"] = protection_json(status.archive);
  document["shadow"] = protection_json(status.shadow);
  document["alerts"] = Json::array();
  for (const auto& incident : status.open_incidents)
    document["alerts"].push_back(incident::line_to_json(incident));
  return to_text(document);
}

Readiness readiness(const Status& status, const std::set<std::string>& excluded, SteadyTime now) {
  Readiness result{.ready = true, .lines = {}};
  const auto verdict = judge(status, now);
  if (!excluded.contains("state"))
    add_line(result, "state", verdict.state_allows ? Grade::Pass : Grade::Fail, verdict.reason);
  if (status.probe(kLoginProbe) == nullptr && !excluded.contains(std::string(kLoginProbe)))
    add_line(result, kLoginProbe, Grade::Fail, "no login has been tried yet");
  for (const auto& probe : status.probes)
    if (!excluded.contains(probe.name))
      add_probe_line(result, probe, read_probe(probe, status, now));
  result.lines += result.ready ? "readyz check passed\n" : "readyz check failed\n";
  return result;
}

}  // namespace pgkeel::serve
