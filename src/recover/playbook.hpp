// Playbooks: what is done about a cause, as a list of named steps. A step looks at the world before
// it touches it, so running it again after a crash is always right: it finishes what was begun, or
// finds it done. Every step is journaled before and after by the executor, never by itself.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/finding.hpp"
#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "notify/incident_listener.hpp"
#include "pg/conninfo.hpp"
#include "recover/after_recovery.hpp"
#include "recover/invariant.hpp"
#include "recover/policy.hpp"
#include "recover/precondition.hpp"
#include "runtime/loop.hpp"
#include "sense/senses.hpp"

namespace pgkeel::recover {

/// What playbooks may use; owned by the guard and alive as long as it.
struct Services {
  runtime::Loop& loop;
  instance::Instance& instance;
  sense::Senses& senses;
  incident::Ledger& ledger;
  incident::Journal& journal;
  std::filesystem::path client_bin_dir;  ///< pg_dump, pg_restore, psql; empty when there are none
  std::optional<runtime::Account> client_account;  ///< whom to run them as
  std::vector<std::string> required_databases;
  std::vector<Invariant> invariants{};  ///< checked before a recovery counts
  std::vector<Hook> hooks{};            ///< run once it does
  /// Our own program with its configuration flags, for work on the archive; empty: there is none.
  std::vector<std::string> pgkeel{};
  std::uint64_t ballast_bytes = 0;    ///< room kept in reserve on the server's disks; 0: none
  std::uint64_t engine_log_most = 0;  ///< of the container's log, likewise; 0: it is left alone
  std::uint64_t temp_files_most = 0;  ///< of one session, while a disk is full; 0: nothing is ended
  std::filesystem::path archive_dir{};  ///< of an archive on a disk of this machine; empty: none
  std::uint64_t memory_limit_most = 0;  ///< to which a container's limit may be raised; 0: never
  std::filesystem::path state_dir{};    ///< where jobs keep what they wrote, in jobs/
  EndSessions end_sessions{};           ///< as in Policy
  notify::IncidentListener* alerts =
      nullptr;  ///< hears of every change of an incident; may be null
};

struct StepContext {
  Services& services;
  const diagnose::Finding& finding;
  std::string incident;
  /// What earlier steps of this run found, for later ones: "from", "to" ...
  std::map<std::string, std::string> notes;
};

struct StepResult {
  incident::ActionOutcome outcome = incident::ActionOutcome::Done;
  std::string note;
  /// With Failed: only a human can go on; trying again soon is pointless.
  bool needs_human = false;
  /// With needs_human: when it is tried again all the same; zero: as usual.
  Seconds retry_after{0};

  static StepResult done(std::string note = {});
  static StepResult skipped(std::string note);
  static StepResult failed(const Error& error);
  static StepResult for_human(std::string why);
};

enum class Effect {
  None,        ///< it looks, or waits
  Reversible,  ///< Step::undo takes it back
  /// Nothing takes it back; needs at least two preconditions that look at different things.
  Final,
};
[[nodiscard]] std::string_view to_string(Effect effect);

/// What becomes of the playbook when a precondition of a step does not hold.
enum class Unmet {
  Ends,        ///< before the step
  PassesOver,  ///< goes on behind the step: the others help without it
};

/// Asked in this order, up to the first that does not hold.
using Preconditions = std::array<const Precondition*, 3>;

struct Step {
  std::string_view name;
  /// What exactly will be done, for the journal and for advise mode; says paths and pids.
  std::string (*describe)(const StepContext& context);
  runtime::Task<StepResult> (*run)(StepContext* context);
  Effect effect;
  /// How a person takes it back; of what is final, why it loses nothing that was committed, or what
  /// it loses. Of what only looks: empty.
  std::string_view undo;
  Preconditions needs{};
  Unmet unmet = Unmet::Ends;
};

struct Playbook {
  std::string_view name;
  std::string_view purpose;  ///< one sentence for people
  std::span<const Step> steps;
  std::string_view verified_by;  ///< what has to be seen before it counts, for people
};

/// Every playbook; one line each. Tests walk all steps of all of them.
[[nodiscard]] std::span<const Playbook* const> all_playbooks();
[[nodiscard]] const Playbook& playbook_by_name(std::string_view name);

extern const Playbook kRestartServer;
extern const Playbook kResumeServer;
extern const Playbook kReplaceHungServer;
extern const Playbook kRestoreConfiguration;
extern const Playbook kRestoreControlFile;
extern const Playbook kPutControlFileBack;
extern const Playbook kMendPermissions;
extern const Playbook kMakeRoom;
extern const Playbook kReattachData;
extern const Playbook kRestoreData;
extern const Playbook kReplaceFreshCluster;
extern const Playbook kCreateDatabase;
extern const Playbook kRecreateDatabase;
extern const Playbook kRecreateTable;
extern const Playbook kRestoreDatabase;
extern const Playbook kRestoreTable;
extern const Playbook kEndIdleSessions;
extern const Playbook kEndIdleTransaction;
extern const Playbook kRebuildIndex;
extern const Playbook kEndSecondServer;
extern const Playbook kRelieveMemory;
extern const Playbook kRestoreBeside;
extern const Playbook kLowerParallelWorkers;
extern const Playbook kDropOwnSlot;

}  // namespace pgkeel::recover
