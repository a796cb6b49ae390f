// See promotion.hpp.
#include "app/shadow/promotion.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "app/archive/restoring.hpp"
#include "app/guard/startup.hpp"
#include "app/shadow/carried_files.hpp"
#include "app/shadow/places.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "instance/config.hpp"
#include "instance/data_dir.hpp"
#include "instance/lock.hpp"
#include "pg/wal_name.hpp"
#include "runtime/files.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using archive::InPlaceState;

constexpr Seconds kStopPatience{300};  // a shutdown checkpoint of a large server
constexpr Seconds kStartPatience{300};
constexpr Seconds kStatusMost{30};  // it is written twice a second
constexpr std::size_t kHistoryBytesMax = 1U << 20U;
constexpr std::size_t kMarkBytesMax = 64;
constexpr const char* kWePaused = "paused\n";
constexpr const char* kNotPaused = "held\n";
constexpr Millis kLookEvery{100};
constexpr std::size_t kWordsMax = 500;

Error not_now(const std::string& why, const std::string& hint) {
  return Error(ErrorCode::WrongState, why).with_hint(hint);
}

bool on_one_disk(const fs::path& one, const fs::path& other) {
  struct stat first{};
  struct stat second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev;
}

std::string last_words(const std::string& log) {
  return log.substr(log.size() - std::min(log.size(), kWordsMax));
}

bool server_runs(const fs::path& place) {
  return instance::inspect_lock(place).facts.state == instance::LockState::Live;
}

}  // namespace

Promotion::Promotion(ArchiveTools& tools, const StopOnSignal& stop, archive::InPlaceRestore work)
    : tools_(&tools), stop_(&stop), work_(std::move(work)) {}

Result<Promotion> Promotion::open(ArchiveTools& tools, const StopOnSignal& stop) {
  TRY(place, place_of_data(tools.config));
  TRY(work, archive::InPlaceRestore::open(place));
  return Promotion(tools, stop, std::move(work));
}

fs::path Promotion::mark() const { return tools_->config.state_dir / kPromotionMark; }

// A run whose copy is made needs no shadow any more.
Result<bool> Promotion::copy_is_made() const {
  TRY(request, restore_request(*tools_, *stop_));
  return work_.has_current_copy(request);
}

std::vector<std::string> Promotion::steps() const {
  const auto state = work_.state();
  if (state == InPlaceState::Between || state == InPlaceState::Placed)
    return {"finish what an earlier run began: " + work_.describe(), "start the server"};
  const auto where = place().string();
  return {"pause the guard, stop the server in order: nobody can connect until the end",
          "let the shadow's copy replay the last of its WAL, and compare where both end",
          fmt::format("rename {} to {}, where it is kept", where, work_.job().aside.string()),
          fmt::format("rename {} to {}, with the configuration files of what stood there",
                      shadow_data_directory(tools_->config).string(), where),
          "start the server, resume the guard; the next shadow is built by itself"};
}

Result<void> Promotion::check_shadow() const {
  const auto& config = tools_->config;
  if (!config.shadow.enabled || !shadow_may_run(config))
    return fail(not_now("there is no shadow to promote", "Set shadow.enabled = true first."));
  const auto status = shadow::read_shadow_status(config.state_dir / shadow::kShadowStatusFile);
  const bool fresh = status && wall_now() - status->written_at < kStatusMost;
  if (!fresh || status->state != shadow::ShadowState::Following)
    return fail(not_now(
        fmt::format("the shadow does not follow{}",
                    status ? ": it is " + std::string(to_string(status->state)) : std::string()),
        "'pgkeel status' shows what it waits for; a restore from the backup needs "
        "none: 'pgkeel restore --in-place'."));
  return {};
}

// The mark says whose an unfinished job is.
Result<void> Promotion::check() const {
  std::error_code error;
  const auto state = work_.state();
  if (state != InPlaceState::Nothing && !fs::exists(mark(), error))
    return fail(not_now(work_.describe(), "Give 'pgkeel restore --in-place' again first."));
  if (state == InPlaceState::Between || state == InPlaceState::Placed) return {};
  if (work_.job().manner != instance::SwapManner::Whole)
    return fail(not_now(place().string() + " is a mount point, and cannot be renamed",
                        "'pgkeel restore --in-place' moves what is in it."));
  TRY(made, copy_is_made());
  if (made) return {};
  TRY_VOID(check_shadow());
  TRY(request, restore_request(*tools_, *stop_));
  request.in_use = archive::tablespaces_in(place());
  TRY_VOID(archive::plan_restore_of(request));
  if (const auto foreign = not_carried(place()); !foreign.empty())
    return fail(not_now(foreign + " would not come along", "Move it out of the data directory."));
  const shadow::ShadowCopy copy(shadow_copy_places(tools_->config));
  TRY(origin, copy.origin());
  TRY(control, instance::read_control_file(place()));
  if (!origin || origin->system_id != control.system_id)
    return fail(ErrorCode::WrongIdentity,
                copy.data_dir().string() + " is no copy of the cluster in " + place().string());
  if (!on_one_disk(copy.data_dir(), place().parent_path()))
    return fail(not_now(copy.data_dir().string() + " is on another file system than " +
                            place().string() + ": it cannot be renamed into its place",
                        "'pgkeel restore --in-place' copies instead."));
  return {};
}

Result<Promoted> Promotion::run(const std::function<void(const archive::RestoreProgress&)>& tell) {
  const auto before = runtime::read_file(mark(), kMarkBytesMax);
  if (!before) TRY_VOID(check());
  TRY_VOID(hold_guard(before ? *before : std::string()));
  ours_to_start_ = before.has_value();
  const auto possible = check();
  const auto done = possible ? replace(tell) : possible;
  if (!done) return fail(start_again_after(done.error()));
  const auto& job = work_.job();
  Promoted promoted{job.place, job.aside, job.timeline, switched_at_, {}};
  if (stopped_at_)
    promoted.down = std::chrono::duration_cast<Millis>(SteadyClock::now() - *stopped_at_);
  if (const auto over = end(); !over)
    log_warning("the guard may be paused still: 'pgkeel resume'",
                {{"why", over.error().message()}});
  return promoted;
}

// The mark is there as long as the guard is held, the job says it to whoever finishes that.
Result<void> Promotion::hold_guard(const std::string& before) {
  TRY(held, HeldGuard::hold(tools_->config, place()));
  guard_.emplace(std::move(held));
  if (before == kWePaused) guard_->take_over_pause();
  if (guard_->paused()) work_.note_paused_guard();
  const auto marked = runtime::write_file_atomic(mark(), guard_->paused() ? kWePaused : kNotPaused);
  if (!marked) static_cast<void>(guard_->release());  // nothing was touched
  return marked;
}

Result<void> Promotion::end() {
  TRY_VOID(guard_->release());
  std::error_code error;
  fs::remove(mark(), error);
  return {};
}

Result<void> Promotion::replace(const std::function<void(const archive::RestoreProgress&)>& tell) {
  const auto state = work_.state();
  if (state != InPlaceState::Between && state != InPlaceState::Placed) {
    fault_point("promote.marked");
    TRY_VOID(stop_server());
    fault_point("promote.stopped");
    TRY(made, copy_is_made());
    if (!made) TRY_VOID(take_copy(tell));
    TRY_VOID(require_everything());
    TRY_VOID(carry_files(place(), work_.job().swap().incoming));
    fault_point("promote.taken");
  }
  return finish();
}

// Its last WAL is what the shutdown wrote; a server that was killed may have more than was
// received.
Result<void> Promotion::stop_server() {
  runtime::Loop loop;
  TRY(instance, instance::make_instance(loop, instance_config(tools_->config)));
  if (server_runs(place())) {
    stopped_at_ = SteadyClock::now();
    ours_to_start_ = true;
    const auto stopped = loop.run_until_complete(
        instance->stop(instance::StopMode::Fast, loop.after(kStopPatience)));
    still_stopping_ = !stopped && stopped.error().code == ErrorCode::TimedOut;
    if (!stopped) return fail(stopped.error());
  }
  TRY_VOID(work_.refuse_server());
  TRY(control, instance::read_control_file(place()));
  if (control.state == pg::ClusterState::ShutDown) return {};
  return fail(not_now(fmt::format("the server in {} was not shut down in order", place().string()),
                      "Start it first."));
}

Result<void> Promotion::take_copy(
    const std::function<void(const archive::RestoreProgress&)>& tell) {
  TRY(request, restore_request(*tools_, *stop_));
  request.in_use = archive::tablespaces_in(place());
  request.tell = tell;
  request.bring_copy = [this](const fs::path& into, SystemId system_id) -> Result<bool> {
    TRY(ended, EndedShadow::end(tools_->config));
    shadow_.emplace(std::move(ended));
    TRY(taken, shadow_->copy().hand_over(into, system_id));
    if (!taken) return fail(ErrorCode::WrongState, "the shadow's copy cannot be taken");
    return true;
  };
  TRY_VOID(work_.restore(std::move(request)));
  return {};
}

// The new timeline's history says exactly up to where the old one was replayed; the shutdown's own
// record is the last there is.
Result<void> Promotion::require_everything() const {
  const auto incoming = work_.job().swap().incoming;
  TRY(control, instance::read_control_file(place()));
  TRY(text, runtime::read_file(incoming / "pg_wal" / pg::history_name(work_.job().timeline),
                               kHistoryBytesMax));
  TRY(switches, pg::parse_history(text));
  if (switches.empty() || switches.back().parent != control.timeline)
    return fail(ErrorCode::WrongState, "the copy left another timeline than the server's");
  const auto left_at = switches.back().switch_at;
  if (left_at > control.checkpoint) return {};
  return fail(not_now(fmt::format("the archive ends at {}, the server stopped at {}",
                                  to_string(left_at), to_string(control.checkpoint)),
                      "The receiver did not get the last of it: 'pgkeel status' shows its lag."));
}

Result<void> Promotion::finish() {
  TRY_VOID(work_.swap());
  fault_point("promote.placed");
  TRY_VOID(start_server());
  fault_point("promote.started");
  TRY(text, runtime::read_file(place() / "pg_wal" / pg::history_name(work_.job().timeline),
                               kHistoryBytesMax));
  TRY(switches, pg::parse_history(text));
  if (!switches.empty()) switched_at_ = switches.back().switch_at;
  return work_.tidy_up();
}

Result<void> Promotion::start_server() {
  if (server_runs(place())) return {};
  runtime::Loop loop;
  TRY(instance, instance::make_instance(loop, instance_config(tools_->config)));
  TRY(control, instance::read_control_file(place()));
  instance::StartOptions options;
  options.expected = control.system_id;
  TRY(report, loop.run_until_complete(instance->start(options, loop.after(kStartPatience))));
  if (report.postmaster) return {};
  return fail(ErrorCode::ServerStartFailed,
              "the server ended again as soon as it was started: " + last_words(report.server_log));
}

// One that was told to stop may take longer than we waited: it is not running, it is ending.
Result<void> Promotion::start_as_it_was() {
  if (!ours_to_start_) return {};
  const auto until = SteadyClock::now() + kStopPatience;
  while (still_stopping_ && server_runs(place())) {
    if (SteadyClock::now() > until)
      return fail(ErrorCode::TimedOut, "it is still shutting down; give the command again");
    std::this_thread::sleep_for(kLookEvery);
  }
  return start_server();
}

// What was not moved stands as it was; what is being moved is finished by the next run. The guard
// is held only where neither cluster is whole in the place.
Error Promotion::start_again_after(const Error& error) {
  auto told = error;
  shadow_.reset();
  const auto state = work_.state();
  if (state == InPlaceState::Between)
    return std::move(told).with_hint("Give the command again: it goes on where this one ended. " +
                                     work_.describe());
  if (state == InPlaceState::Placed) {
    const auto released = guard_->release();
    return std::move(told).with_hint(
        fmt::format("The copy is in {}, what stood there in {}. Give the command again once it can "
                    "start{}.",
                    place().string(), work_.job().aside.string(),
                    released ? "" : "; the guard is paused still"));
  }
  const auto started = start_as_it_was();
  const auto account = server_account(tools_->config);
  const auto discarded = account ? work_.discard(*account) : fail(account.error());
  if (!discarded) log_warning("left behind", {{"why", discarded.error().message()}});
  const auto over = started ? end() : guard_->release();  // the mark: what is ours to start
  if (!started)
    return std::move(told).with_hint("The server is as it was and could not be started again: " +
                                     started.error().message());
  if (!over) return std::move(told).with_hint("The guard is paused still: 'pgkeel resume'.");
  return told;
}

}  // namespace pgkeel::app
