// pgkeel incident report: an incident as a document to keep or to send, or all of them with an
// index.
#include <filesystem>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"
#include "app/standing.hpp"
#include "incident/evidence_store.hpp"
#include "incident/json.hpp"
#include "incident/report.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAllMax = 1000;  // as many as the journal keeps

// The report with how things stand now; what the guard does not answer is not known.
std::string report_of(const Config& config, const incident::Incident& incident) {
  const auto status = GuardClient(config).get("/api/v1/status");
  return incident::markdown_report(
      incident, standing_checks(config, status ? *status : Json(nullptr), wall_now()));
}

// Incident, report and evidence as one document to send; without evidence where none was kept.
Result<void> write_bundle(const Config& config, const Json& json,
                          const incident::Incident& incident, const std::string& file) {
  const auto kept = incident::kept_evidence(config.state_dir, incident.id);
  Json evidence;
  if (kept) {
    TRY(parsed, parse_json(*kept));
    evidence = std::move(parsed);
  } else {
    fmt::print(stderr, "No evidence of {} was kept: {}\n", incident.id, kept.error().message());
  }
  const Json bundle = {{"incident", json},
                       {"report", report_of(config, incident)},
                       {"evidence", std::move(evidence)}};
  TRY_VOID(runtime::write_file_atomic(file, to_line(bundle)));
  fmt::print(stderr, "Written to {}.\n", file);
  return {};
}

Result<std::vector<incident::Incident>> every_incident(const Config& config) {
  TRY(lines, list_incidents(config, kAllMax));
  std::vector<incident::Incident> incidents;
  for (const auto& line : lines) {
    TRY(incident, incident::incident_from_json(line));
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

// The index to stdout, or into a directory with a report an incident beside it.
Result<int> run_all(const Config& config, const std::optional<std::string>& directory) {
  TRY(incidents, every_incident(config));
  const auto index = incident::markdown_index(incidents);
  if (!directory) {
    fmt::print("{}", index);
    return 0;
  }
  const fs::path place = *directory;
  TRY_VOID(runtime::ensure_directory(place, {.mode = 0700, .owner = {}}));
  for (const auto& line : incidents) {
    TRY(json, load_incident(config, line.id));
    TRY(incident, incident::incident_from_json(json));
    TRY_VOID(
        runtime::write_file_atomic(place / (line.id + ".md"), incident::markdown_report(incident)));
  }
  TRY_VOID(runtime::write_file_atomic(place / "index.md", index));
  fmt::print(stderr, "Written to {}: index.md and {} reports.\n", place.string(), incidents.size());
  return 0;
}

Result<void> check_options(const Invocation& invocation) {
  const bool all = invocation.has("--all");
  const bool one = invocation.value("ID") || invocation.value("--bundle") || invocation.global.json;
  if (!all || !one) return {};
  return fail(Error(ErrorCode::Usage, "--all takes neither an ID nor --bundle nor --json")
                  .with_hint("Write 'pgkeel incident report --all --out DIR'."));
}

Result<int> run(const Invocation& invocation) {
  TRY_VOID(check_options(invocation));
  TRY(config, invocation.load());
  const auto file = invocation.value("--out");
  if (invocation.has("--all")) return run_all(config, file);
  TRY(json, load_incident(config, invocation.value("ID").value_or("last")));
  TRY(incident, incident::incident_from_json(json));
  if (const auto bundle = invocation.value("--bundle")) {
    TRY_VOID(write_bundle(config, json, incident, *bundle));
    return 0;
  }
  const auto report = invocation.global.json ? to_line(json) : report_of(config, incident);
  if (!file) {
    fmt::print("{}", report);
    return 0;
  }
  TRY_VOID(runtime::write_file_atomic(*file, report));
  fmt::print(stderr, "Written to {}.\n", *file);
  return 0;
}

}  // namespace

CommandSpec incident_report_command() {
  return {.name = "incident report",
          .summary = "write one incident as a document, or all of them with an index",
          .details =
              "Markdown for the team: summary, impact, timeline, cause, what was done and what "
              "verified it, what was lost, what would have prevented it, how backups and alerts "
              "stand now, follow-ups. With --json the whole incident as JSON.",
          .example = "pgkeel incident report 2026-11-21-003 --out incident.md",
          .options = {{.names = "--out",
                       .value = "FILE",
                       .help = "write it there, not to stdout; with --all a directory"},
                      {.names = "--all",
                       .help = "an index of all incidents; with --out DIR into DIR/index.md, with "
                               "a report of each beside it"},
                      {.names = "--bundle",
                       .value = "FILE",
                       .help = "write incident, report and the evidence kept of it there, as JSON "
                               "without secrets"}},
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = run};
}

}  // namespace pgkeel::app
