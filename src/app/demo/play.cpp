// See play.hpp.
#include "app/demo/play.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "incident/json.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kNamedDeadline{60};
constexpr Seconds kHealedDeadline{180};
constexpr Millis kPollEvery{20};
constexpr std::size_t kIncidentsLooked = 5;

using incident::Incident;
using incident::IncidentState;

Result<std::vector<Incident>> latest_incidents(Stage& stage) {
  TRY(answer,
      stage.client().get("/api/v1/incidents", {{"limit", std::to_string(kIncidentsLooked)}}));
  std::vector<Incident> incidents;
  for (const auto& line : answer.contains("incidents") ? answer["incidents"] : answer) {
    TRY(incident, incident::incident_from_json(line));
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

// The incident the fault opened, once `good` is true of it.
template <class Good>
Result<Incident> await_incident(Stage& stage, Seconds patience, std::string_view what, Good good) {
  const auto deadline = SteadyClock::now() + patience;
  const auto since = std::chrono::floor<Millis>(stage.broken_at());
  while (SteadyClock::now() < deadline) {
    if (const auto incidents = latest_incidents(stage))
      for (const auto& incident : *incidents)
        if (incident.opened_at >= since && good(incident)) return incident;
    if (stage.stop().stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    std::this_thread::sleep_for(kPollEvery);
  }
  return fail(ErrorCode::TimedOut,
              fmt::format("no incident was {} within {}", what, humane_duration(patience)));
}

bool healed(const Incident& incident) {
  return incident.state == IncidentState::Watching || incident.state == IncidentState::Closed;
}

// A victim that was re-created empty has lost its rows; the incident must say so.
Result<void> count_victim(Stage& stage, const Fault& fault, FaultReport& report) {
  if (fault.rows_at_stake == 0) return {};
  TRY(rows, stage.sql(fault.database, fmt::format("select count(*) from {}", fault.table)));
  TRY(left, rows.int64(0, 0));
  report.acknowledged += fault.rows_at_stake;
  report.lost += fault.rows_at_stake - left;
  report.recreated_empty = left == 0 && !report.incident.loss.empty();
  return {};
}

std::int64_t millis_between(WallTime from, WallTime to) {
  return std::max<std::int64_t>(std::chrono::duration_cast<Millis>(to - from).count(), 0);
}

Result<Incident> whole_incident(Stage& stage, const std::string& id) {
  TRY(answer, stage.client().get("/api/v1/incidents/" + id));
  return incident::incident_from_json(answer);
}

}  // namespace

Result<void> await_writer(const Writer& writer, SteadyTime after, const std::stop_token& stop) {
  const auto deadline = SteadyClock::now() + kHealedDeadline;
  while (SteadyClock::now() < deadline) {
    if (writer.last_acknowledged() > after) return {};
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    std::this_thread::sleep_for(kPollEvery);
  }
  return fail(ErrorCode::TimedOut, "the writer could not write again");
}

// Independent of the guard.
Result<LedgerCount> count_ledger(Stage& stage, const Writer& writer) {
  const auto acknowledged = writer.acknowledged();  // first: later rows may only add
  TRY(rows, stage.sql("shop", "select n, count(*) from ledger group by n"));
  LedgerCount count;
  std::set<std::int64_t> present;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    TRY(number, rows.int64(row, 0));
    TRY(times, rows.int64(row, 1));
    present.insert(number);
    count.duplicated += times - 1;
  }
  count.acknowledged = static_cast<std::int64_t>(acknowledged.size());
  count.lost = std::ranges::count_if(
      acknowledged, [&](std::int64_t number) { return !present.contains(number); });
  return count;
}

Result<FaultReport> play(Stage& stage, Writer& writer, const Fault& fault) {
  FaultReport report;
  report.fault = fault.name;
  // The fault meets a workload that runs.
  TRY_VOID(await_writer(writer, SteadyClock::now(), stage.stop()));
  writer.mark();
  TRY(progress, fault.inject(stage));
  TRY(named,
      await_incident(stage, kNamedDeadline, fmt::format("named {}", fault.name),
                     [&](const Incident& incident) { return incident.cause == fault.name; }));
  progress.reset();
  if (!fault.answer.empty()) TRY_VOID(stage.command(fault.answer));
  report.answer = fmt::format("{}", fmt::join(fault.answer, " "));
  TRY(closed, await_incident(stage, kHealedDeadline, "healed", [&](const Incident& incident) {
        return incident.id == named.id && healed(incident);
      }));
  TRY_VOID(await_writer(writer, SteadyClock::now(), stage.stop()));
  TRY(incident, whole_incident(stage, closed.id));
  report.incident = std::move(incident);
  report.cause_named = report.incident.cause;
  report.detected_ms = millis_between(stage.broken_at(), report.incident.opened_at);
  report.recovered_ms = report.detected_ms + report.incident.recovered.value_or(Millis(0)).count();
  const auto tally = writer.tally();
  report.client_errors = tally.errors;
  report.longest_stall_ms = tally.longest_stall.count();
  TRY(count, count_ledger(stage, writer));
  report.acknowledged = count.acknowledged;
  report.lost = count.lost;
  report.duplicated = count.duplicated;
  TRY_VOID(count_victim(stage, fault, report));
  return report;
}

nlohmann::ordered_json to_json(const FaultReport& report) {
  return {{"fault", report.fault},
          {"detected_ms", report.detected_ms},
          {"recovered_ms", report.recovered_ms},
          {"client_errors", report.client_errors},
          {"longest_stall_ms", report.longest_stall_ms},
          {"acknowledged", report.acknowledged},
          {"lost", report.lost},
          {"duplicated", report.duplicated},
          {"cause_named", report.cause_named},
          {"recreated_empty", report.recreated_empty},
          {"answer", report.answer},
          {"incident", report.incident.id}};
}

}  // namespace pgkeel::app
