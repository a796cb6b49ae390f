// What serve asks of the guard, as small as it can be: one snapshot, a handful of actions, the
// journal, the logs. The guard implements these; serve owns none of them.
// Everything that may block or take time returns a Task and is awaited; status() and conninfo()
// answer at once from memory. Implementations must outlive the loop that runs the Api.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "incident/model.hpp"
#include "runtime/task.hpp"
#include "serve/status.hpp"

namespace pgkeel::serve {

class StatusSource {
 public:
  virtual ~StatusSource() = default;
  [[nodiscard]] virtual Status status() const = 0;
  /// Where a local client connects, without any password: "host=/run/postgresql port=5432 user=..".
  /// ServerNotRunning while there is nothing to connect to.
  [[nodiscard]] virtual Result<std::string> conninfo() const = 0;
};

/// A command says so before it acts, and how it ended.
struct NotedChange {
  std::string what;  ///< one of kChangesNoted
  std::string subject;
  std::string detail;
  std::string who;
};
/// A table or database, by its full name, is back with its rows, whose number is the detail: the
/// new one is the known one.
inline constexpr std::string_view kUndropped = "undropped";
inline constexpr std::array<std::string_view, 6> kChangesNoted{
    "protect_apply",     "protect_off", "protect_window",
    "protect_ownership", "tune_apply",  kUndropped};

/// The operator's actions. Each journals who asked; errors come back as problem documents with the
/// code's own name (AdviceOnly, WrongState, Refused ...). `who` is never empty.
class Control {
 public:
  virtual ~Control() = default;
  /// Watch, but act on nothing, for that long or until resume().
  virtual runtime::Task<Result<>> pause(std::optional<Millis> duration) = 0;
  virtual runtime::Task<Result<>> resume() = 0;
  /// Gives fenced data back, and accepts the identity now found in place of the one known.
  virtual runtime::Task<Result<>> unfence(std::string who) = 0;
  /// What that would do now, a sentence each.
  virtual runtime::Task<Result<std::vector<std::string>>> unfence_plan() = 0;
  /// Holds a container's data volume, or lets it go. NotSupported where there is none.
  virtual runtime::Task<Result<>> set_anchor(bool wanted) = 0;
  /// Makes the application's role and database where that waits for an operator's word.
  virtual runtime::Task<Result<>> apply_application(std::string who) = 0;
  /// "It was dropped on purpose": `relation` is "schema.table", or a schema that is gone. NotFound
  /// when it is not known.
  virtual runtime::Task<Result<>> forget_relation(std::string database, std::string relation,
                                                  std::string who) = 0;
  virtual runtime::Task<Result<>> forget_database(std::string database, std::string who) = 0;
  /// A person looks after the incident: nobody further is called. NotFound; WrongState when it is
  /// closed.
  virtual runtime::Task<Result<>> acknowledge(std::string incident, std::string who) = 0;
  /// Leaves an unfinished incident to people, or takes it back: the guard does nothing more for it.
  /// NotFound.
  virtual runtime::Task<Result<>> abandon(std::string incident, std::string who) = 0;
  virtual runtime::Task<Result<>> take_back(std::string incident) = 0;
  /// Journals what a command changes in the server by itself.
  virtual runtime::Task<Result<>> note_change(NotedChange change) = 0;
};

class IncidentSource {
 public:
  virtual ~IncidentSource() = default;
  /// Newest first, at most `most`; without evidence, actions, checks and events.
  virtual runtime::Task<Result<std::vector<incident::Incident>>> list(std::size_t most) = 0;
  /// The whole incident; NotFound.
  virtual runtime::Task<Result<incident::Incident>> load(std::string id) = 0;
};

enum class LogKind { Postgres, Guard, Gateway };

class LogSource {
 public:
  virtual ~LogSource() = default;
  /// The last `lines` lines, oldest first, without line ends. NotFound when there is no such log,
  /// NotSupported where the guard cannot read it.
  virtual runtime::Task<Result<std::vector<std::string>>> tail(LogKind kind, std::size_t lines) = 0;
};

/// None may be null.
struct Sources {
  const StatusSource* status = nullptr;
  Control* control = nullptr;
  IncidentSource* incidents = nullptr;
  LogSource* logs = nullptr;
};

}  // namespace pgkeel::serve
