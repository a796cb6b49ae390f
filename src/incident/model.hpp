// The words of an incident, shared by the journal, the report, the API and the alerts. Plain
// values; JSON forms are in json.hpp and are those of the contract.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::incident {

enum class Severity { Info, Warning, Critical };
[[nodiscard]] std::string_view to_string(Severity severity);

/// Life of an incident. Only Closed is final.
enum class IncidentState {
  Open,        ///< seen, nothing done yet
  Recovering,  ///< a playbook runs
  Waiting,     ///< a human must act; the guard watches
  Verifying,   ///< service is back, checks run
  Watching,    ///< checks passed, the stability watch runs
  Closed,
};
[[nodiscard]] std::string_view to_string(IncidentState state);

struct Evidence {
  WallTime at;
  std::string source;  ///< process, login, write, files, catalog, server_log, control_file, host
  std::string text;
};

enum class ActionOutcome {
  Pending,  ///< intent journaled, nothing known of the effect
  Done,
  Failed,
  Skipped,      ///< nothing to do: the world was already as wanted
  Interrupted,  ///< the guard ended before the outcome was journaled
  Advised,      ///< mode = advise: shown, not done
};
[[nodiscard]] std::string_view to_string(ActionOutcome outcome);

/// One journaled step of a playbook.
struct Action {
  std::int64_t id = 0;
  std::string playbook;
  std::string step;    ///< start_server, set_aside_occupant, ...
  std::string detail;  ///< what exactly, e.g. "rename /a to /b"; enough to finish or judge it later
  WallTime started_at;
  std::optional<WallTime> ended_at;
  ActionOutcome outcome = ActionOutcome::Pending;
  std::string note;  ///< result or error in words
};

/// A check made after recovery.
struct Verification {
  WallTime at;
  std::string check;  ///< login, write, tables, databases
  bool passed = false;
  std::string note;
};

/// A mark on the timeline that is none of the above: "cause refined", "service restored".
struct Event {
  WallTime at;
  std::string text;
};

struct Incident {
  std::string id;  ///< "2026-11-21-003": day and number of the day
  WallTime opened_at;
  std::optional<WallTime> closed_at;
  /// From the failure, as far as it can be known (a death event, the last good probe), to the
  /// moment the guard knew.
  std::optional<Millis> detected;
  std::optional<Millis> recovered;  ///< from opened_at to service restored
  std::string cause;                ///< server_killed, table_dropped, ... (contract names)
  double confidence = 0;
  std::string subject;  ///< "instance", "shop", "shop.public.orders"
  Severity severity = Severity::Critical;
  IncidentState state = IncidentState::Open;
  std::string summary;            ///< one sentence for people
  std::vector<std::string> loss;  ///< what was lost, in words; empty when nothing was
  std::optional<std::int64_t> rows_lost;
  std::optional<WallTime> acked_at;  ///< a person said that they look after it
  std::string acked_by;              ///< who; empty when nobody did
  std::vector<Evidence> evidence;
  std::vector<Action> actions;
  std::vector<Verification> verified;
  std::vector<Event> events;
};

}  // namespace pgkeel::incident
