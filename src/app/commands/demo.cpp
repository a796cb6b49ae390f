// pgkeel demo: a private PostgreSQL, broken and healed before your eyes.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/demo/play.hpp"
#include "app/demo/protection.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::app {
namespace {

Result<std::vector<Fault>> chosen_faults(const Invocation& invocation) {
  const auto all = demo_faults();
  const auto wanted = invocation.values.find("--fault");
  if (wanted == invocation.values.end()) return std::vector<Fault>(all.begin(), all.end());
  std::vector<Fault> chosen;
  for (const auto& name : wanted->second) {
    const auto before = chosen.size();
    std::ranges::copy_if(all, std::back_inserter(chosen),
                         [&](const Fault& fault) { return fault.name == name; });
    if (chosen.size() == before) {
      std::string known;
      for (const auto& fault : all) known += fmt::format(" {}", fault.name);
      return fail(ErrorCode::Usage,
                  fmt::format("the demo knows no fault '{}'; it knows{}", name, known));
    }
  }
  return chosen;
}

void show(const FaultReport& report, const Look& look) {
  incident::Style style;
  style.colour = look.colour ? incident::Colour::Ansi : incident::Colour::Plain;
  style.width = static_cast<std::size_t>(look.width);
  fmt::print("{}", incident::render_timeline(report.incident, style));
  if (!report.answer.empty()) fmt::print("    a person said: pgkeel {}\n", report.answer);
  fmt::print("    detected in {}, service back after {}; the app saw {} errors, longest stall {}\n",
             humane_duration(Millis(report.detected_ms)),
             humane_duration(Millis(report.recovered_ms)), report.client_errors,
             humane_duration(Millis(report.longest_stall_ms)));
  fmt::print("    {} rows acknowledged, {} lost{}, {} written twice\n\n", report.acknowledged,
             report.lost,
             report.recreated_empty ? " (policy recreate-empty, reported as loss)" : "",
             report.duplicated);
}

nlohmann::ordered_json result_of(const std::vector<FaultReport>& reports, const Writer& writer) {
  nlohmann::ordered_json result;
  auto& faults = result["faults"] = nlohmann::ordered_json::array();
  std::int64_t lost = 0;
  for (const auto& report : reports) {
    faults.push_back(to_json(report));
    if (!report.recreated_empty) lost += report.lost;
  }
  result["acknowledged"] = writer.tally().acknowledged;
  result["lost"] = lost;
  result["holds"] = std::ranges::all_of(reports, &FaultReport::holds);
  return result;
}

Result<std::vector<FaultReport>> play_all(Stage& stage, Writer& writer,
                                          const std::vector<Fault>& faults,
                                          const Invocation& invocation) {
  std::vector<FaultReport> reports;
  for (const auto& fault : faults) {
    const auto line =
        fmt::format("{} of {}  {}: {}", reports.size() + 1, faults.size(), fault.name, fault.story);
    fmt::print(invocation.global.json ? stderr : stdout, "{}\n", line);
    std::fflush(stdout);
    TRY_VOID(await_protected(stage));
    auto report = play(stage, writer, fault);
    if (!report && report.error().code == ErrorCode::Cancelled)
      return fail(std::move(report).error());
    if (!report) {
      stage.keep();
      return fail(std::move(report).error().with_context(
          fmt::format("fault {} (kept: {})", fault.name, stage.directory().string())));
    }
    if (!invocation.global.json) show(*report, invocation.look);
    reports.push_back(std::move(*report));
  }
  return reports;
}

Result<int> run(const Invocation& invocation) {
  TRY(faults, chosen_faults(invocation));
  fmt::print(stderr, "Building the stage: a private PostgreSQL under guard, and a writer.\n");
  const StopOnSignal stop;
  StageOptions options;
  options.stop = stop.token();
  options.environment = demo_protection();
  TRY(stage, Stage::build(std::move(options)));
  fmt::print(stderr, "Waiting for its first backup, and for the shadow that is built from it.\n");
  TRY_VOID(await_protected(*stage));
  Writer writer(stage->conninfo("shop"));
  TRY(reports, play_all(*stage, writer, faults, invocation));
  const auto result = result_of(reports, writer);
  const bool holds = result["holds"].get<bool>();
  if (!holds) stage->keep();
  if (invocation.global.json) fmt::print("{}\n", result.dump(2));
  else
    fmt::print("{} faults, {} rows acknowledged, {} lost against the policy. {}\n", reports.size(),
               result["acknowledged"].get<std::int64_t>(), result["lost"].get<std::int64_t>(),
               holds ? "Everything came back." : "NOT everything came back; see above.");
  return holds ? 0 : 1;
}

}  // namespace

CommandSpec demo_command() {
  return {.name = "demo",
          .summary = "break a private PostgreSQL in several ways and watch it heal",
          .details =
              "Runs a writer and a guard on an embedded instance in a temporary directory, "
              "injects faults one after another, and counts acknowledged rows that are "
              "missing afterwards. Exit 0 only if there are none. Ctrl-C ends and removes "
              "everything it made.",
          .example = "pgkeel demo --fault server_killed --fault table_dropped",
          .options = {{.names = "--fault",
                       .value = "NAME",
                       .help = "only this fault; may be given several times",
                       .takes = OptionSpec::Takes::Many}},
          .run = run};
}

}  // namespace pgkeel::app
