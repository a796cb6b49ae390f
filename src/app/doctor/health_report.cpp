// Health as data and on the screen. Statements have lost their literals already; what the server
// itself said is redacted like everything else.
#include <fmt/format.h>

#include "app/doctor/health.hpp"
#include "incident/redact.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kLinesShown = 14;

template <class Item, class ToJson>
Json array_of(const std::vector<Item>& items, ToJson to_json) {
  Json array = Json::array();
  for (const auto& item : items) array.push_back(to_json(item));
  return array;
}

Json line_json(const diagnose::HealthLine& line) {
  return {{"topic", line.topic},
          {"severity", to_string(line.severity)},
          {"text", incident::redact(line.text)},
          {"advice", incident::redact(line.advice)}};
}

Json seconds_json(const std::optional<Seconds>& duration) {
  return duration ? Json(duration->count()) : Json(nullptr);
}
Json time_json(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json(nullptr);
}

Json session_json(const sense::HealthSession& session) {
  return {{"pid", session.pid},
          {"role", session.user},
          {"application", session.application},
          {"database", session.database},
          {"state", session.state},
          {"transaction_s", seconds_json(session.open_for)},
          {"waiting_s", seconds_json(session.waiting_for)},
          {"xmin_age", session.xmin_age},
          {"blocked_by", session.blockers},
          {"statement", incident::redact(session.statement)}};
}

Json statement_json(const sense::SlowStatement& statement) {
  return {{"role", statement.user},       {"database", statement.database},
          {"calls", statement.calls},     {"total_ms", statement.total_ms},
          {"mean_ms", statement.mean_ms}, {"statement", incident::redact(statement.text)}};
}

Json database_json(const sense::DatabaseHealth& database) {
  return {{"name", database.name},
          {"bytes", database.bytes ? Json(*database.bytes) : Json(nullptr)},
          {"tables", database.looked_into ? Json(database.tables) : Json(nullptr)},
          {"temp_files", database.temp_files},
          {"temp_bytes", database.temp_bytes}};
}

Json table_json(const sense::TableHealth& table) {
  return {{"database", table.database},
          {"schema", table.schema},
          {"name", table.name},
          {"heap_bytes", table.heap_bytes},
          {"index_bytes", table.index_bytes},
          {"toast_bytes", table.toast_bytes},
          {"live_rows", table.live_rows},
          {"dead_rows", table.dead_rows},
          {"last_vacuum", time_json(table.last_vacuum)}};
}

// Sizes are not asked of these.
Json dead_json(const sense::TableHealth& table) {
  return {{"database", table.database},   {"schema", table.schema},
          {"name", table.name},           {"live_rows", table.live_rows},
          {"dead_rows", table.dead_rows}, {"last_vacuum", time_json(table.last_vacuum)}};
}

Json index_json(const sense::InvalidIndex& index) {
  return {{"database", index.database},
          {"schema", index.schema},
          {"name", index.name},
          {"table", index.table},
          {"bytes", index.bytes},
          {"ready", index.ready},
          {"in_the_making", index.in_the_making}};
}

Json chains_json(const sense::HealthFacts& facts) {
  Json chains = Json::array();
  for (const auto& chain : diagnose::blocking_chains(facts.sessions))
    chains.push_back(array_of(chain, [](const diagnose::ChainLink& link) {
      return Json{{"pid", link.pid}, {"depth", link.depth}};
    }));
  return chains;
}

}  // namespace

Json health_json(const HealthExamination& health) {
  const auto& facts = health.facts;
  if (!facts.seen) return nullptr;
  const auto growth = diagnose::growth_per_day(health.sizes);
  return {
      {"lines", array_of(health.lines, line_json)},
      {"unseen", array_of(facts.unseen,
                          [](const std::string& text) { return Json(incident::redact(text)); })},
      {"sees_other_roles", facts.sees_others},
      {"sessions", array_of(facts.sessions, session_json)},
      {"chains", chains_json(facts)},
      {"slow_by_total", array_of(facts.statements.by_total, statement_json)},
      {"slow_by_mean", array_of(facts.statements.by_mean, statement_json)},
      {"databases", array_of(facts.databases, database_json)},
      {"largest_tables", array_of(facts.largest, table_json)},
      {"dead_rows", array_of(facts.dead, dead_json)},
      {"invalid_indexes", array_of(facts.invalid, index_json)},
      {"growth_bytes_per_day", growth ? Json(*growth) : Json(nullptr)}};
}

void show_health(Sheet& sheet, const Json& report, const Look& look) {
  const auto& lines = member(member(report, "health"), "lines");
  if (!lines.is_array() || lines.empty()) return;
  for (std::size_t i = 0; i < std::min(lines.size(), kLinesShown); ++i) {
    const auto& line = lines[i];
    const auto advice = printable(text_of(line, "advice"));
    const auto text =
        look.paint(tone_of_severity(text_of(line, "severity")), printable(text_of(line, "text"))) +
        (advice.empty() ? "" : " -> " + advice);
    if (i == 0) sheet.block("Health", text);
    else sheet.line(text);
  }
  if (lines.size() > kLinesShown)
    sheet.line(fmt::format("... and {} more (--json)", lines.size() - kLinesShown));
}

}  // namespace pgkeel::app
