// pgkeel restore --in-place: the cluster as it was, in the place of the one that is there. Shows
// what it would do; does it with --yes. A run that was killed is finished by the next one.
#include <fmt/format.h>

#include "app/archive/held_guard.hpp"
#include "app/archive/progress.hpp"
#include "app/archive/restoring.hpp"
#include "app/json_read.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "archive/restore/in_place.hpp"
#include "instance/config.hpp"
#include "instance/debian.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using archive::InPlaceRestore;
using archive::InPlaceState;

enum class Moment { Latest, Earlier };

Moment moment_of(const archive::RecoveryTarget& target) {
  return target.kind == archive::RecoveryTarget::Kind::Latest ? Moment::Latest : Moment::Earlier;
}

std::string start_command(const Config& config, const archive::InPlaceJob& job,
                          const std::optional<runtime::Account>& account) {
  if (!config.instance.unit.empty()) return "systemctl start " + config.instance.unit;
  if (const auto cluster = instance::find_debian_cluster_of(job.place))
    return fmt::format("pg_ctlcluster {} {} start", cluster->version, cluster->name);
  const auto as = account ? fmt::format("sudo -u {} ", account->name) : std::string();
  return fmt::format("{}{}/pg_ctl start -D {}", as, job.bin_dir.string(), job.place.string());
}

// Whether what was asked for is there, from an earlier run, and has only to be put into the place.
enum class Copy { ToBeMade, Made };

// What is to be done, as sentences; the same for a person and in JSON.
std::vector<std::string> sentences(const archive::Backup& backup,
                                   const archive::RestoreRequest& request,
                                   const InPlaceRestore& work, Copy copy) {
  const auto& job = work.job();
  const bool entries = job.manner == instance::SwapManner::Entries;
  std::vector<std::string> steps;
  if (copy == Copy::ToBeMade)
    steps.push_back(
        fmt::format("restore backup {} ({}) to {} in {}, every file compared with its "
                    "manifest",
                    backup.label, format_size(backup.plain_bytes), request.target.describe(),
                    job.swap().incoming.string()));
  steps.push_back(entries ? fmt::format("move what is in {} into {}; it is a mount point and "
                                        "cannot be renamed",
                                        job.place.string(), job.aside.string())
                          : fmt::format("rename {} to {}", job.place.string(), job.aside.string()));
  steps.push_back(fmt::format("{} the restored cluster to {}", entries ? "move" : "rename",
                              job.place.string()));
  for (const auto& space : backup.tablespaces)
    steps.push_back(fmt::format(
        "tablespace {}: restored into {}; {} stays as it is, for what is "
        "set aside",
        to_string(space.oid), (job.tablespaces / to_string(space.oid)).string(), space.location));
  return steps;
}

Json plan_json(const InPlaceRestore& work, const std::vector<std::string>& steps) {
  return {{"done", false},
          {"place", work.job().place.string()},
          {"aside", work.job().aside.string()},
          {"found", work.describe()},
          {"steps", steps}};
}

void print_plan(const InPlaceRestore& work, const std::vector<std::string>& steps) {
  if (work.state() != InPlaceState::Nothing) fmt::print("{}\n", work.describe());
  fmt::print("To do:\n");
  for (std::size_t i = 0; i < steps.size(); ++i) fmt::print("  {}. {}\n", i + 1, steps[i]);
  fmt::print(
      "What is set aside is the safety backup: it is never deleted, and it alone holds what was "
      "committed after that moment, or never reached the archive.\n");
}

// One call of the command.
class InPlaceCommand {
 public:
  InPlaceCommand(const Invocation& invocation, Config config, InPlaceRestore work)
      : invocation_(&invocation), config_(std::move(config)), work_(std::move(work)) {}
  Result<int> run();

 private:
  Result<int> finish_what_was_begun();
  Result<int> show(const std::vector<std::string>& steps) const;
  Result<void> act(const archive::RestoreRequest& request);
  Result<void> restore(const archive::RestoreRequest& request);
  Result<void> hold_guard(const archive::Backup* backup, Moment moment);
  Result<void> end();
  void say(const std::string& text) const;
  void print_done() const;
  [[nodiscard]] bool may_act() const {
    return invocation_->has("--yes") && config_.mode == Mode::Act;
  }

  const Invocation* invocation_;
  Config config_;
  InPlaceRestore work_;
  std::optional<HeldGuard> guard_;
  std::optional<runtime::Account> account_;
};

void InPlaceCommand::say(const std::string& text) const {
  if (!text.empty() && !invocation_->global.json) fmt::print("{}\n", text);
}

Result<int> InPlaceCommand::show(const std::vector<std::string>& steps) const {
  if (invocation_->global.json) fmt::print("{}", to_line(plan_json(work_, steps)));
  else print_plan(work_, steps);
  if (config_.mode == Mode::Advise) {
    say("Nothing was changed: mode = \"advise\".");
    return 7;
  }
  say("Nothing was changed: add --yes to do it.");
  return 0;
}

Result<void> InPlaceCommand::hold_guard(const archive::Backup* backup, Moment moment) {
  TRY(held, HeldGuard::hold(config_, work_.job().place));
  guard_.emplace(std::move(held));
  if (guard_->paused()) work_.note_paused_guard();
  else if (work_.job().paused_guard) guard_->take_over_pause();
  if (guard_->runs() && moment == Moment::Earlier) {
    TRY_VOID(guard_->release());
    return fail(Error(ErrorCode::WrongState,
                      "the guard runs, and would take what is younger than that moment for dropped")
                    .with_hint("Stop the guard for this restore and start it afterwards: it then "
                               "learns the tables anew."));
  }
  TRY(known, guard_->known_cluster());
  if (backup == nullptr || !known || *known == backup->system_id) return {};
  return fail(Error(ErrorCode::WrongIdentity,
                    fmt::format("the guard's ledger knows the cluster {}, the archive holds {}",
                                to_string(*known), to_string(backup->system_id)))
                  .with_hint("Check archive.store and state_dir; 'pgkeel restore --into DIR' "
                             "restores it elsewhere."));
}

Result<void> InPlaceCommand::restore(const archive::RestoreRequest& request) {
  auto asked = request;
  ProgressLine line;
  const auto began = SteadyClock::now();
  asked.tell = [&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show(phase_text(progress, took));
  };
  const auto done = work_.restore(std::move(asked));
  if (!done) return fail(done.error());
  return {};
}

// A guard is left paused only when neither cluster is whole in the place.
Result<void> InPlaceCommand::act(const archive::RestoreRequest& request) {
  const auto made = work_.has_current_copy(request);  // asked again: the guard is paused only now
  auto done = made ? Result<void>() : Result<void>(fail(made.error()));
  if (made && !*made) done = restore(request);
  if (done) done = work_.swap();
  if (done) return end();
  if (work_.state() != InPlaceState::Between) {
    const auto released = guard_->release();
    if (!released) say(released.error().message());
  }
  return fail(done.error());
}

Result<void> InPlaceCommand::end() {
  if (!work_.job().latest) TRY_VOID(guard_->learn_anew(work_.job()));
  TRY_VOID(guard_->release());
  std::error_code error;
  fs::remove(config_.state_dir / kPromotionMark, error);  // one that was killed is finished by this
  return work_.tidy_up();
}

void InPlaceCommand::print_done() const {
  const auto& job = work_.job();
  const auto start = start_command(config_, job, account_);
  std::error_code error;
  const bool kept = fs::exists(job.aside, error);
  if (invocation_->global.json) {
    fmt::print("{}", to_line({{"done", true},
                              {"place", job.place.string()},
                              {"aside", kept ? Json(job.aside.string()) : Json(nullptr)},
                              {"backup", job.backup},
                              {"timeline", job.timeline.value},
                              {"lsn", to_string(job.lsn)},
                              {"start", start}}));
    return;
  }
  fmt::print("Restored to {} in {}: backup {}, up to {} on timeline {}.\n", job.target,
             job.place.string(), job.backup, to_string(job.lsn), job.timeline.value);
  if (kept) fmt::print("What was there is kept in {}.\n", job.aside.string());
  fmt::print("The server is stopped; start it with:\n  {}\n", start);
}

Result<int> InPlaceCommand::finish_what_was_begun() {
  if (!may_act()) return show({"finish it"});
  say(work_.describe());
  TRY_VOID(hold_guard(nullptr, work_.job().latest ? Moment::Latest : Moment::Earlier));
  TRY_VOID(work_.swap());
  TRY_VOID(end());
  print_done();
  archive::RestoreRequest asked;
  TRY(target, archive::parse_target(invocation_->value("--to").value_or("latest")));
  asked.target = target;
  asked.label = invocation_->value("--backup");
  if (work_.was_asked(asked)) return 0;
  return fail(Error(ErrorCode::WrongState, "what was finished is an earlier restore, to " +
                                               work_.job().target + ", not the one asked for")
                  .with_hint("Give the command again for what was asked now."));
}

Result<int> InPlaceCommand::run() {
  TRY(account, server_account(config_));
  account_ = account;
  if (work_.state() == InPlaceState::Between || work_.state() == InPlaceState::Placed)
    return finish_what_was_begun();
  TRY(tools, open_archive(config_, which_store(*invocation_)));
  const StopOnSignal stop;
  TRY(request, asked_restore(*invocation_, tools, stop));
  request.in_use = archive::tablespaces_in(work_.job().place);
  TRY(plan, archive::plan_restore_of(request));
  TRY(unknown, work_.check(plan.backup));
  TRY(made, work_.has_current_copy(request));
  const auto steps = sentences(plan.backup, request, work_, made ? Copy::Made : Copy::ToBeMade);
  if (work_.state() == InPlaceState::Complete && !made)
    say("The copy of that restore is not what was asked now; it is removed and made anew.");
  if (!unknown.empty()) say("It is not known " + unknown + ".");
  if (!may_act()) return show(steps);
  if (!invocation_->global.json) print_plan(work_, steps);
  TRY_VOID(hold_guard(&plan.backup, moment_of(request.target)));
  TRY_VOID(act(request));
  print_done();
  return 0;
}

}  // namespace

Result<int> run_restore_in_place(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(place, place_of_data(config));
  std::optional<runtime::FileLock> lock;
  if (invocation.has("--yes")) {
    TRY(held, lock_job(config, "restore-in-place"));
    lock.emplace(std::move(held));
  }
  TRY(work, InPlaceRestore::open(place));
  InPlaceCommand command(invocation, std::move(config), std::move(work));
  return command.run();
}

}  // namespace pgkeel::app
