// Writing the journal. Every call is one transaction on disk when it returns; every text is
// redacted and bounded on its way in. Reading is in journal_read.cpp, the probe ring in
// probe_ring.cpp.
#include "incident/journal.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "incident/event_words.hpp"
#include "incident/redact.hpp"
#include "incident/statement.hpp"
#include "incident/store_connection.hpp"
#include "incident/text.hpp"

namespace pgkeel::incident {
namespace {

// A DETAIL or a log excerpt; more belongs into the log.
constexpr std::size_t kTextBytesMax = 16 << 10;
// Evidence, checks or events of one incident; a flapping server must not fill the disk. Actions are
// bounded by the restart budget and are never refused.
constexpr int kRowsPerIncident = 1000;

std::string stored(std::string_view text) {
  auto shown = redact(valid_utf8(text.substr(0, kTextBytesMax)));
  if (text.size() > kTextBytesMax) shown += " ...";
  return shown;
}

std::string stored_list(const std::vector<std::string>& texts) {
  auto list = nlohmann::json::array();
  for (const auto& text : texts) list.push_back(stored(text));
  return list.dump();
}

std::string day_of(WallTime time) { return to_iso8601(time).substr(0, 10); }

// The day's next number; a number is never given twice, not even after pruning.
Result<std::string> next_id(Database& db, WallTime opened_at) {
  const auto day = day_of(opened_at);
  TRY(number, collect_one(db.query("INSERT INTO incident_days VALUES (?, 1) ON CONFLICT (day) "
                                   "DO UPDATE SET last = last + 1 RETURNING last",
                                   day),
                          [](const Statement& row) { return row.integer(0); }));
  TRY_VOID(
      db.run("DELETE FROM incident_days WHERE day < (SELECT day FROM incident_days "
             "ORDER BY day DESC LIMIT 1 OFFSET ?)",
             kIncidentsKept));
  return fmt::format("{}-{:03}", day, number.value_or(1));
}

struct Row {
  std::int64_t number = 0;
  std::string state;
};

Result<Row> find_incident(Database& db, std::string_view id) {
  TRY(found, collect_one(db.query("SELECT number, state FROM incidents WHERE id = ?", id),
                         [](const Statement& row) {
                           return Row{.number = row.integer(0), .state = row.text(1)};
                         }));
  if (!found) return no_incident(id);
  return *found;
}

// Actions, evidence and the rest of a pruned incident go with it (ON DELETE CASCADE).
Result<void> prune_closed(Database& db) {
  TRY_VOID(
      db.run("DELETE FROM incidents WHERE state = 'closed' AND number <= "
             "(SELECT number FROM incidents WHERE state = 'closed' "
             "ORDER BY number DESC LIMIT 1 OFFSET ?)",
             kIncidentsKept));
  return {};
}

// False when the incident has its fill of rows of this kind.
Result<bool> has_room(Database& db, std::string_view table, std::int64_t incident) {
  TRY(rows, collect_one(db.query(fmt::format("SELECT count(*) FROM {} WHERE incident = ?", table),
                                 incident),
                        [](const Statement& row) { return row.integer(0); }));
  return rows.value_or(0) < kRowsPerIncident;
}

Result<void> append(Database& db, std::int64_t incident, const Evidence& evidence) {
  TRY_VOID(db.run("INSERT INTO evidence (incident, at, source, text) VALUES (?,?,?,?)", incident,
                  evidence.at, evidence.source, stored(evidence.text)));
  return {};
}

Result<void> append(Database& db, std::int64_t incident, const Event& event) {
  TRY_VOID(db.run("INSERT INTO events (incident, at, text) VALUES (?,?,?)", incident, event.at,
                  stored(event.text)));
  return {};
}

Result<void> append(Database& db, std::int64_t incident, const Verification& verification) {
  TRY_VOID(db.run(
      "INSERT INTO verifications (incident, at, check_name, passed, note) VALUES (?,?,?,?,?)",
      incident, verification.at, verification.check, verification.passed ? 1 : 0,
      stored(verification.note)));
  return {};
}

template <class Rows>
Result<void> append_all(Database& db, std::int64_t incident, const Rows& rows) {
  for (const auto& row : rows) TRY_VOID(append(db, incident, row));
  return {};
}

// One row to an incident that exists. Beyond the limit it is dropped: the first thousand say what
// the next would.
template <class Appended>
Result<void> append_one(Store::Connection& connection, std::string_view table,
                        std::string_view incident, const Appended& appended) {
  return connection.write("journal.append", [&](Database& db) -> Result<void> {
    TRY(row, find_incident(db, incident));
    TRY(room, has_room(db, table, row.number));
    if (!room) return {};
    return append(db, row.number, appended);
  });
}

}  // namespace

std::unexpected<Error> no_incident(std::string_view id) {
  return fail(Error(ErrorCode::NotFound, fmt::format("no incident '{}'", id))
                  .with_hint("'pgkeel incident list' shows those that are kept."));
}

Result<std::string> Journal::open(const Incident& incident) {
  return store_->connection().write("journal.open", [&](Database& db) -> Result<std::string> {
    TRY(id, next_id(db, incident.opened_at));
    TRY_VOID(
        db.run("INSERT INTO incidents (id, opened_at, closed_at, detected_ms, recovered_ms, cause, "
               "confidence, subject, severity, state, summary, loss, rows_lost) "
               "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
               id, incident.opened_at, incident.closed_at, incident.detected, incident.recovered,
               incident.cause, incident.confidence, stored(incident.subject),
               to_string(incident.severity), to_string(incident.state), stored(incident.summary),
               stored_list(incident.loss), incident.rows_lost));
    const auto number = db.last_row_id();
    TRY_VOID(append_all(db, number, incident.evidence));
    TRY_VOID(append_all(db, number, incident.verified));
    TRY_VOID(append_all(db, number, incident.events));
    TRY_VOID(prune_closed(db));
    return std::string(id);
  });
}

Result<void> Journal::update(const Incident& incident) {
  auto& connection = store_->connection();
  TRY_VOID(connection.write("journal.update", [&](Database& db) -> Result<void> {
    TRY(row, find_incident(db, incident.id));
    if (row.state == to_string(IncidentState::Closed) && incident.state != IncidentState::Closed) {
      return fail(ErrorCode::WrongState,
                  fmt::format("incident {} is closed and stays so", incident.id));
    }
    TRY_VOID(db.run(
        "UPDATE incidents SET opened_at = ?, closed_at = ?, detected_ms = ?, recovered_ms = ?, "
        "cause = ?, confidence = ?, subject = ?, severity = ?, state = ?, summary = ?, loss = ?, "
        "rows_lost = ? WHERE number = ?",
        incident.opened_at, incident.closed_at, incident.detected, incident.recovered,
        incident.cause, incident.confidence, stored(incident.subject), to_string(incident.severity),
        to_string(incident.state), stored(incident.summary), stored_list(incident.loss),
        incident.rows_lost, row.number));
    if (incident.state == IncidentState::Closed) TRY_VOID(prune_closed(db));
    return {};
  }));
  // The trouble is over: what it took from the reserve is put back.
  if (incident.state == IncidentState::Closed) keep_reserve(connection.state_dir);
  return {};
}

Result<void> Journal::add_evidence(std::string_view incident, const Evidence& evidence) {
  return append_one(store_->connection(), "evidence", incident, evidence);
}

Result<void> Journal::add_event(std::string_view incident, const Event& event) {
  return append_one(store_->connection(), "events", incident, event);
}

Result<void> Journal::add_verification(std::string_view incident,
                                       const Verification& verification) {
  return append_one(store_->connection(), "verifications", incident, verification);
}

Result<void> Journal::acknowledge(std::string_view incident, std::string_view who, WallTime at) {
  return store_->connection().write("journal.acknowledge", [&](Database& db) -> Result<void> {
    TRY(row, find_incident(db, incident));
    if (row.state == to_string(IncidentState::Closed))
      return fail(ErrorCode::WrongState, fmt::format("incident {} is closed", incident));
    const auto name = stored(who);
    TRY_VOID(db.run("UPDATE incidents SET acked_at = ?, acked_by = ? WHERE number = ?", at, name,
                    row.number));
    return append(db, row.number, Event{at, std::string(kAckedEvent) + name});
  });
}

Result<std::int64_t> Journal::begin_action(std::string_view incident, const Action& action) {
  return store_->connection().write(
      "journal.begin_action", [&](Database& db) -> Result<std::int64_t> {
        TRY(row, find_incident(db, incident));
        TRY_VOID(db.run(
            "INSERT INTO actions (incident, playbook, step, detail, started_at, "
            "ended_at, outcome, note) VALUES (?,?,?,?,?,?,?,?)",
            row.number, action.playbook, action.step, stored(action.detail), action.started_at,
            action.ended_at, to_string(action.outcome), stored(action.note)));
        const auto id = db.last_row_id();
        return id;
      });
}

Result<void> Journal::end_action(std::int64_t action, ActionOutcome outcome, std::string_view note,
                                 WallTime at) {
  return store_->connection().write("journal.end_action", [&](Database& db) -> Result<void> {
    TRY(known, collect_one(db.query("SELECT outcome FROM actions WHERE id = ?", action),
                           [](const Statement& row) { return row.text(0); }));
    if (!known)
      return fail(ErrorCode::NotFound, fmt::format("no action {} in the journal", action));
    if (*known != to_string(ActionOutcome::Pending) &&
        *known != to_string(ActionOutcome::Interrupted)) {
      return fail(ErrorCode::WrongState,
                  fmt::format("action {} already ended: {}", action, *known));
    }
    TRY_VOID(db.run("UPDATE actions SET outcome = ?, note = ?, ended_at = ? WHERE id = ?",
                    to_string(outcome), stored(note), at, action));
    return {};
  });
}

}  // namespace pgkeel::incident
