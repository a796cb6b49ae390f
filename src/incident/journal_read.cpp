// Reading the journal back: rows into incidents. A word this program does not know is an error, not
// a guess.
#include <nlohmann/json.hpp>

#include "incident/journal.hpp"
#include "incident/statement.hpp"
#include "incident/store_connection.hpp"
#include "incident/words.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::string_view kColumns =
    "SELECT number, id, opened_at, closed_at, detected_ms, recovered_ms, cause, confidence, "
    "subject, severity, state, summary, loss, rows_lost, acked_at, acked_by FROM incidents ";

struct Read {
  std::int64_t number = 0;
  Incident incident;
};

std::optional<Millis> as_millis(std::optional<std::int64_t> number) {
  if (!number) return std::nullopt;
  return Millis(*number);
}

std::vector<std::string> loss_from(const std::string& text) {
  std::vector<std::string> loss;
  for (const auto& line : nlohmann::json::parse(text, nullptr, false))
    if (line.is_string()) loss.push_back(line.get<std::string>());
  return loss;
}

Result<Read> incident_from(const Statement& row) {
  TRY(severity, parse_severity(row.text(9)));
  TRY(state, parse_incident_state(row.text(10)));
  Incident incident{
      .id = row.text(1),
      .opened_at = row.time(2),
      .closed_at = row.optional_time(3),
      .detected = as_millis(row.optional_integer(4)),
      .recovered = as_millis(row.optional_integer(5)),
      .cause = row.text(6),
      .confidence = row.real(7),
      .subject = row.text(8),
      .severity = severity,
      .state = state,
      .summary = row.text(11),
      .loss = loss_from(row.text(12)),
      .rows_lost = row.optional_integer(13),
      .acked_at = row.optional_time(14),
      .acked_by = row.text(15),
      .evidence = {},
      .actions = {},
      .verified = {},
      .events = {},
  };
  return Read{row.integer(0), std::move(incident)};
}

Result<Action> action_from(const Statement& row) {
  TRY(outcome, parse_action_outcome(row.text(6)));
  return Action{.id = row.integer(0),
                .playbook = row.text(1),
                .step = row.text(2),
                .detail = row.text(3),
                .started_at = row.time(4),
                .ended_at = row.optional_time(5),
                .outcome = outcome,
                .note = row.text(7)};
}

// Rows whose conversion can itself fail.
template <class Value>
Result<std::vector<Value>> unwrap(Result<std::vector<Result<Value>>> rows) {
  if (!rows) return fail(std::move(rows).error());
  std::vector<Value> values;
  for (auto& row : *rows) {
    if (!row) return fail(std::move(row).error());
    values.push_back(std::move(*row));
  }
  return values;
}

template <class... Values>
Result<std::vector<Read>> read_incidents(Database& db, std::string_view condition,
                                         const Values&... values) {
  const auto sql = std::string(kColumns) + std::string(condition);
  return unwrap(collect(db.query(sql, values...), incident_from));
}

Result<void> read_parts(Database& db, Read& read) {
  TRY(evidence, collect(db.query("SELECT at, source, text FROM evidence WHERE incident = ? "
                                 "ORDER BY id",
                                 read.number),
                        [](const Statement& row) {
                          return Evidence{row.time(0), row.text(1), row.text(2)};
                        }));
  TRY(actions,
      unwrap(collect(db.query("SELECT id, playbook, step, detail, started_at, ended_at, outcome, "
                              "note FROM actions WHERE incident = ? ORDER BY id",
                              read.number),
                     action_from)));
  TRY(verified, collect(db.query("SELECT at, check_name, passed, note FROM verifications "
                                 "WHERE incident = ? ORDER BY id",
                                 read.number),
                        [](const Statement& row) {
                          return Verification{row.time(0), row.text(1), row.integer(2) != 0,
                                              row.text(3)};
                        }));
  TRY(events,
      collect(db.query("SELECT at, text FROM events WHERE incident = ? ORDER BY id", read.number),
              [](const Statement& row) { return Event{row.time(0), row.text(1)}; }));
  read.incident.evidence = std::move(evidence);
  read.incident.actions = std::move(actions);
  read.incident.verified = std::move(verified);
  read.incident.events = std::move(events);
  return {};
}

}  // namespace

Result<Incident> Journal::load(std::string_view id) const {
  auto held = store_->connection().hold();
  TRY(found, read_incidents(held.db, "WHERE id = ?", id));
  if (found.empty()) return no_incident(id);
  TRY_VOID(read_parts(held.db, found.front()));
  return std::move(found.front().incident);
}

Result<std::vector<Incident>> Journal::list(std::size_t most) const {
  auto held = store_->connection().hold();
  TRY(found, read_incidents(held.db, "ORDER BY number DESC LIMIT ?", most));
  std::vector<Incident> incidents;
  for (auto& read : found) incidents.push_back(std::move(read.incident));
  return incidents;
}

Result<std::vector<Incident>> Journal::unfinished() const {
  auto held = store_->connection().hold();
  TRY(found, read_incidents(held.db, "WHERE state <> 'closed' ORDER BY number"));
  std::vector<Incident> incidents;
  for (auto& read : found) {
    TRY_VOID(read_parts(held.db, read));
    incidents.push_back(std::move(read.incident));
  }
  return incidents;
}

}  // namespace pgkeel::incident
