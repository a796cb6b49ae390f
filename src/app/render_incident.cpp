// The list of incidents, one a line; one of them is told by incident/timeline.hpp.

#include <fmt/format.h>

#include "app/render.hpp"

namespace pgkeel::app {
namespace {

std::string duration_text(const Json& incident, std::string_view key) {
  const auto millis = number_of(incident, key);
  return millis ? humane_duration(Millis(*millis)) : "-";
}

}  // namespace

std::string render_incident_list(const Json& incidents, const Look& look, WallTime now) {
  if (!incidents.is_array() || incidents.empty()) return "No incident is on record.\n";
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"ID", "WHEN", "STATE", "CAUSE", "DETECTED", "RECOVERED", "SUBJECT"});
  for (const auto& incident : incidents) {
    const auto opened = time_of(incident, "opened_at");
    const auto state = text_of(incident, "state");
    const auto tone =
        state == "closed" ? Tone::Dim : tone_of_severity(text_of(incident, "severity"));
    rows.push_back({text_of(incident, "id"), opened ? since(*opened, now) + " ago" : "",
                    look.paint(tone, state), text_of(incident, "cause"),
                    duration_text(incident, "detected_ms"), duration_text(incident, "recovered_ms"),
                    text_of(incident, "subject")});
  }
  return columns(rows, look.width);
}

}  // namespace pgkeel::app
