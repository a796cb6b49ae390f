// The journal: every incident with its evidence, actions and checks, each written before the guard
// acts and after. After a crash the open incidents and their Pending actions say where the last
// guard stood. Nothing is ever deleted while its incident is open; closed ones are kept for
// kIncidentsKept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "incident/model.hpp"

namespace pgkeel::incident {

class Store;

/// One probe result, kept in a ring of kProbesKept rows a kind for the timeline and the report.
struct ProbeRecord {
  WallTime at;
  std::string probe;  ///< process, login, write, files, catalog
  bool ok = false;
  Millis took{0};
  std::string note;
};

class Journal {
 public:
  explicit Journal(Store& store) : store_(&store) {}

  /// Writes a new incident with the evidence, checks and events already in it, and gives it its
  /// id. `incident.id` and `incident.actions` are ignored.
  Result<std::string> open(const Incident& incident);
  /// Replaces the incident's own columns (state, cause, confidence, summary, loss, times ...), not
  /// its evidence, actions, checks or events, which are only appended, nor who acknowledged it.
  /// NotFound; WrongState when it is closed and would be opened again.
  Result<void> update(const Incident& incident);
  /// Appends, NotFound when there is no such incident. Texts are redacted and cut at 16 kB; beyond
  /// 1000 rows of a kind an incident takes no more and the call does nothing.
  Result<void> add_evidence(std::string_view incident, const Evidence& evidence);
  Result<void> add_event(std::string_view incident, const Event& event);
  Result<void> add_verification(std::string_view incident, const Verification& verification);
  /// A person looks after it: who and when are kept with it, and an event says so. The last one who
  /// says it counts. NotFound; WrongState when it is closed.
  Result<void> acknowledge(std::string_view incident, std::string_view who, WallTime at);

  /// Journals the intent and returns the action's id; on disk when it returns.
  Result<std::int64_t> begin_action(std::string_view incident, const Action& action);
  /// NotFound; WrongState when it has already ended otherwise than Interrupted.
  Result<void> end_action(std::int64_t action, ActionOutcome outcome, std::string_view note,
                          WallTime at);

  [[nodiscard]] Result<Incident> load(std::string_view id) const;  ///< NotFound
  /// Newest first, without evidence, actions, checks and events.
  [[nodiscard]] Result<std::vector<Incident>> list(std::size_t most) const;
  /// Every incident that is not Closed, whole, oldest first.
  [[nodiscard]] Result<std::vector<Incident>> unfinished() const;

  /// Cheap: kept in memory and written in batches to a file of its own (probe_ring.cpp); a failed
  /// probe, and the one after it, is written at once. Costs no fsync.
  Result<void> record_probe(const ProbeRecord& probe);
  /// Newest first.
  [[nodiscard]] Result<std::vector<ProbeRecord>> probes(std::string_view probe,
                                                        std::size_t most) const;

 private:
  Store* store_;
};

inline constexpr int kIncidentsKept = 1000;
inline constexpr int kProbesKept = 1000;

}  // namespace pgkeel::incident
