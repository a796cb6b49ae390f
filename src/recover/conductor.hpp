// The guard's loop: sees, names, decides, acts, remembers. One playbook at a time, while the senses
// go on. Everything it decides is pure (decide.hpp) and everything it does is journaled
// (executor.hpp); this file only joins the two and answers the operator. After a crash, resume()
// takes up the unfinished incidents where the journal ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "diagnose/moment.hpp"
#include "recover/after_recovery.hpp"
#include "recover/ballast_keeper.hpp"
#include "recover/bookkeeper.hpp"
#include "recover/control_keeper.hpp"
#include "recover/decide.hpp"
#include "recover/executor.hpp"
#include "recover/transitions.hpp"

namespace pgkeel::recover {

class Conductor {
 public:
  Conductor(Services& services, Policy policy, diagnose::Known known);

  /// Loads ledger and journal: what is known, what was unfinished, whether it was paused.
  Result<void> resume();
  /// Runs until stop is requested.
  runtime::Task<void> run(std::stop_token stop);

  // The operator's words. Each is on disk when it returns.
  Result<void> pause(std::optional<Millis> length);
  Result<void> unpause();
  /// See unfence.hpp: accepts what is there, where it is another, and gives back what is fenced.
  /// WrongState when there is nothing to do, Refused when two control files stand: nothing is
  /// changed then.
  runtime::Task<Result<void>> unfence(std::string who);
  [[nodiscard]] std::vector<std::string> unfence_plan() const;
  Result<void> forget_relation(const std::string& subject, std::string_view who);
  Result<void> forget_database(const std::string& name, std::string_view who);
  /// Somebody restored it, a table or a database: from here on what bears the name is the known
  /// one, and where rows were lost so many are there.
  Result<void> know_anew(const std::string& subject, std::string_view who, std::int64_t rows_there);
  /// Leaves an unfinished incident to people: it is watched and verified, nothing more is done for
  /// it, also by the next guard. NotFound when no such incident is unfinished.
  Result<void> abandon(const std::string& incident, std::string_view who);
  /// Acts for it again, at once. NotFound as above.
  Result<void> take_back(const std::string& incident);

  [[nodiscard]] const GuardState& state() const { return state_; }
  [[nodiscard]] const diagnose::Known& known() const { return known_; }
  [[nodiscard]] std::optional<WallTime> paused_until() const { return paused_until_; }
  [[nodiscard]] const std::vector<diagnose::Finding>& findings() const { return findings_; }
  /// Rounds of looking and deciding that were gone through to the end.
  [[nodiscard]] std::uint64_t turns() const { return turns_; }
  /// What was seen and known when a cause was named last, at an incident's opening or refinement.
  /// Notified when an incident was opened, or its cause refined, once state() has it.
  [[nodiscard]] runtime::Event& opened() { return opened_; }
  /// Since this guard started: starts of the server, and incidents opened, by cause.
  [[nodiscard]] int restarts() const { return restarts_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& opened_by_cause() const {
    return opened_by_cause_;
  }

 private:
  Result<void> take_up(const incident::Incident& unfinished);
  [[nodiscard]] std::optional<incident::Identity> occupant() const;
  Result<void> accept_identity(const incident::Identity& there, std::string_view who);
  runtime::Task<bool> turn();
  void end_pause_when_due();
  void note_purpose(bool stopped);
  std::vector<std::string> open_subjects() const;
  Result<void> forget_restored(const std::string& subject, std::string_view by);
  Result<void> forget_tables(const std::string& database, const std::string& name,
                             std::string_view who);

  runtime::Task<void> apply(Decision decision);
  void open(const OpenIncident& decision);
  void refine(const RefineIncident& decision);
  void wait(const WaitForHuman& decision);
  void advise(const AdvisePlaybook& decision);
  void close(const std::string& id, Happening happening, std::string_view why);
  runtime::Task<void> run_playbook_of(RunPlaybook decision);
  runtime::Task<void> verify(std::string id);
  void after_playbook(const std::string& id, const RunReport& report);
  void not_verified(const std::string& id, const std::vector<incident::Verification>& checks);
  void restored(const std::string& id);
  /// Whether recoveries from this cause run the operator's hooks.
  [[nodiscard]] bool has_hooks(const Tracked& tracked) const;
  void start_hooks(const std::string& id);
  runtime::Task<void> run_hooks(std::string id);

  /// Takes the incident through recover/transitions.hpp; the journal is written by the caller.
  static void move(Tracked& tracked, Happening happening);
  /// Loads, changes and writes an incident back; a journal that fails is logged.
  template <class Change>
  void amend(const std::string& id, Change change);
  void add_event(const std::string& id, std::string text);
  /// Tells whoever calls humans, after the journal knows.
  void tell(const std::string& id, std::string_view note);
  void tell_unjournaled(incident::Incident incident, incident::IncidentState state);
  void add_evidence(const std::string& id, const diagnose::Finding& finding);
  void add_excluded(const std::string& id);

  Services& services_;
  Policy policy_;
  diagnose::Known known_;
  Bookkeeper bookkeeper_;
  ControlKeeper control_keeper_;
  BallastKeeper ballast_keeper_;
  AfterRecovery hooks_;
  GuardState state_;
  std::vector<diagnose::Finding> findings_;
  std::shared_ptr<const diagnose::Moment> moment_;
  std::optional<WallTime> paused_until_;
  int restarts_ = 0;
  std::uint64_t turns_ = 0;
  runtime::Event opened_;
  std::map<std::string, std::uint64_t> opened_by_cause_;
};

}  // namespace pgkeel::recover
