// pgkeel incident report: an incident as a document to keep or to send.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"
#include "incident/evidence_store.hpp"
#include "incident/json.hpp"
#include "incident/report.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

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
                       {"report", incident::markdown_report(incident)},
                       {"evidence", std::move(evidence)}};
  TRY_VOID(runtime::write_file_atomic(file, to_line(bundle)));
  fmt::print(stderr, "Written to {}.\n", file);
  return {};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(json, load_incident(config, invocation.value("ID").value_or("last")));
  TRY(incident, incident::incident_from_json(json));
  if (const auto bundle = invocation.value("--bundle")) {
    TRY_VOID(write_bundle(config, json, incident, *bundle));
    return 0;
  }
  const auto report = invocation.global.json ? to_line(json) : incident::markdown_report(incident);
  const auto file = invocation.value("--out");
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
          .summary = "write one incident as a document",
          .details = "Markdown, or with --json the whole incident as JSON.",
          .example = "pgkeel incident report 2026-11-21-003 --out incident.md",
          .options = {{.names = "--out", .value = "FILE", .help = "write it there, not to stdout"},
                      {.names = "--bundle",
                       .value = "FILE",
                       .help = "write incident, report and the evidence kept of it there, as JSON "
                               "without secrets"}},
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = run};
}

}  // namespace pgkeel::app
