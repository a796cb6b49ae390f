// The index of the reports: what happened lately, how often, and how quickly it was over.
#include <map>

#include <fmt/format.h>

#include "incident/report.hpp"
#include "incident/report_text.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::incident {
namespace {

std::string span_or_dash(const std::optional<Millis>& span) {
  return span ? humane_duration(*span) : std::string("-");
}

std::string lost_in_short(const Incident& incident) {
  if (!lost_something(incident)) return incident.rows_lost ? "nothing" : "-";
  if (incident.rows_lost.value_or(0) > 0) return fmt::format("**{} rows**", *incident.rows_lost);
  return "**yes**";
}

std::string line_of(const Incident& incident) {
  return fmt::format("| [{0}]({0}.md) | {1} | {2} | {3} | {4} | {5} | {6} | {7} |\n", incident.id,
                     day_and_clock(incident.opened_at), escaped(in_words(incident.cause)),
                     escaped(incident.subject), span_or_dash(incident.detected),
                     span_or_dash(incident.recovered), lost_in_short(incident),
                     to_string(incident.state));
}

std::string by_cause(const std::vector<Incident>& incidents) {
  std::map<std::string, int> counts;
  for (const auto& incident : incidents) ++counts[incident.cause];
  std::string text = "## By cause\n\n| cause | incidents |\n|---|---:|\n";
  for (const auto& [cause, count] : counts)
    text += fmt::format("| {} | {} |\n", escaped(in_words(cause)), count);
  return text;
}

}  // namespace

std::string markdown_index(const std::vector<Incident>& incidents) {
  if (incidents.empty()) return "# Incidents\n\nNone is on record.\n";
  std::string text = fmt::format(
      "# Incidents\n\n{}, newest first; times are UTC.\n\n"
      "| incident | noticed | cause | subject | detected in | recovered after | lost | state |\n"
      "|---|---|---|---|---:|---:|---|---|\n",
      plural(incidents.size(), "incident"));
  for (const auto& incident : incidents) text += line_of(incident);
  return text + "\n" + by_cause(incidents);
}

}  // namespace pgkeel::incident
