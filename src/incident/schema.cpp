// Times are microseconds since the epoch; enumerations are their words, so that a person with the
// sqlite3 shell can read everything. 64-bit unsigned numbers are stored as their signed twins.
#include "incident/schema.hpp"

#include <array>

#include <fmt/format.h>

#include "base/fault_point.hpp"

namespace pgkeel::incident {
namespace {

constexpr auto kStateSteps = std::to_array<const char*>({
    R"sql(
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  system_id INTEGER NOT NULL, timeline INTEGER NOT NULL, major INTEGER NOT NULL,
  last_lsn INTEGER NOT NULL, data_dir TEXT NOT NULL, filesystem_type TEXT NOT NULL,
  filesystem_uuid TEXT NOT NULL, filesystem_fsid INTEGER NOT NULL, mount_point TEXT NOT NULL,
  device INTEGER NOT NULL, inode INTEGER NOT NULL, image_digest TEXT NOT NULL, libc TEXT NOT NULL,
  seen_at INTEGER NOT NULL);
CREATE TABLE databases (
  name TEXT PRIMARY KEY, oid INTEGER NOT NULL, owner TEXT NOT NULL, encoding TEXT NOT NULL,
  collate_name TEXT NOT NULL, ctype TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE relations (
  database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, oid INTEGER NOT NULL,
  kind TEXT NOT NULL, owner TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  rows_estimate INTEGER NOT NULL, PRIMARY KEY (database, schema, name)) WITHOUT ROWID;
CREATE TABLE definitions (
  id INTEGER PRIMARY KEY, database TEXT NOT NULL, taken_at INTEGER NOT NULL, dump BLOB NOT NULL);
CREATE INDEX definitions_by_database ON definitions (database);
CREATE TABLE config_files (
  path TEXT PRIMARY KEY, content BLOB NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL,
  gid INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, set_at INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE history (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE incident_days (day TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE incidents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, opened_at INTEGER NOT NULL,
  closed_at INTEGER, detected_ms INTEGER, recovered_ms INTEGER, cause TEXT NOT NULL,
  confidence REAL NOT NULL, subject TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL,
  summary TEXT NOT NULL, loss TEXT NOT NULL, rows_lost INTEGER);
CREATE INDEX incidents_by_state ON incidents (state);
CREATE TABLE evidence (
  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incidents ON DELETE CASCADE,
  at INTEGER NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX evidence_by_incident ON evidence (incident);
CREATE TABLE actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  incident INTEGER NOT NULL REFERENCES incidents ON DELETE CASCADE, playbook TEXT NOT NULL,
  step TEXT NOT NULL, detail TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
  outcome TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX actions_by_incident ON actions (incident);
CREATE TABLE verifications (
  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incidents ON DELETE CASCADE,
  at INTEGER NOT NULL, check_name TEXT NOT NULL, passed INTEGER NOT NULL, note TEXT NOT NULL);
CREATE INDEX verifications_by_incident ON verifications (incident);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incidents ON DELETE CASCADE,
  at INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX events_by_incident ON events (incident);
)sql",
    R"sql(
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, worth INTEGER NOT NULL,
  at INTEGER NOT NULL, content TEXT NOT NULL);
CREATE INDEX alerts_by_channel ON alerts (channel);
CREATE TABLE alerts_dropped (channel TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts_said (incident TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE incidents ADD COLUMN acked_at INTEGER;
ALTER TABLE incidents ADD COLUMN acked_by TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
CREATE TABLE ddl (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, pid INTEGER NOT NULL,
  database TEXT NOT NULL, role TEXT NOT NULL, login TEXT NOT NULL, application TEXT NOT NULL,
  address TEXT NOT NULL, tag TEXT NOT NULL, outcome TEXT NOT NULL, objects TEXT NOT NULL,
  count INTEGER NOT NULL, UNIQUE (at, pid, tag, outcome));
)sql",
});

constexpr auto kProbeSteps = std::to_array<const char*>({
    R"sql(
CREATE TABLE probes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, probe TEXT NOT NULL, at INTEGER NOT NULL,
  ok INTEGER NOT NULL, took_ms INTEGER NOT NULL, note TEXT NOT NULL);
CREATE INDEX probes_by_kind ON probes (probe);
)sql",
});

Result<std::int64_t> number_from(Database& database, std::string_view sql) {
  TRY(number,
      collect_one(database.query(sql), [](const Statement& row) { return row.integer(0); }));
  return number.value_or(0);
}

std::unexpected<Error> wrong_version(const Database& database, std::string_view what,
                                     std::string_view hint) {
  return fail(Error(ErrorCode::WrongState,
                    fmt::format("state database {} {}", database.path().string(), what))
                  .with_hint(hint));
}

Result<std::size_t> version_of(Database& database, SchemaSteps steps) {
  TRY(version, number_from(database, "PRAGMA user_version"));
  if (version < 0 || static_cast<std::size_t>(version) > steps.size()) {
    return wrong_version(database, fmt::format("has version {}, newer than this pgkeel", version),
                         "Use the pgkeel that wrote it or a newer one.");
  }
  return static_cast<std::size_t>(version);
}

}  // namespace

SchemaSteps state_schema() { return kStateSteps; }
SchemaSteps probe_schema() { return kProbeSteps; }

Result<void> migrate(Database& database, SchemaSteps steps) {
  TRY(version, version_of(database, steps));
  if (version == steps.size()) return {};
  TRY(tables, number_from(database, "SELECT count(*) FROM sqlite_schema"));
  if (version == 0 && tables != 0) {
    return wrong_version(database, "holds tables that are not pgkeel's",
                         "Set state_dir to a directory of its own.");
  }
  TRY(transaction, Transaction::begin(database));
  for (auto next = version; next < steps.size(); ++next) TRY_VOID(database.run_script(steps[next]));
  TRY_VOID(database.run_script(fmt::format("PRAGMA user_version={}", steps.size())));
  fault_point("store.migrate:uncommitted");
  TRY_VOID(transaction.commit());
  fault_point("store.migrate:committed");
  return {};
}

Result<void> require_schema(Database& database, SchemaSteps steps) {
  TRY(version, version_of(database, steps));
  if (version == steps.size()) return {};
  return wrong_version(database, fmt::format("has version {}, older than this pgkeel", version),
                       "Start the guard once: it brings the state up to date.");
}

}  // namespace pgkeel::incident
