// See standby.hpp.
#include "shadow/standby/standby.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "archive/catalog/backup.hpp"
#include "base/log.hpp"
#include "instance/binaries.hpp"
#include "instance/data_dir.hpp"
#include "runtime/files.hpp"
#include "shadow/relay/status.hpp"
#include "shadow/standby/settings.hpp"

namespace pgkeel::shadow {
namespace {

constexpr Millis kLookEvery{500};
constexpr Millis kShowEvery{500};
constexpr Millis kAgainAfter{5'000};
constexpr Seconds kAskArchiveEvery{10};
// Restarted by somebody, or short of memory for a moment: the same copy is given another chance.
constexpr int kFailuresMax = 3;
constexpr Seconds kHealthyAfter{60};

constexpr const char* kPosition =
    "select (select received_tli from pg_stat_wal_receiver)::text as timeline, "
    "pg_last_wal_replay_lsn()::text as replayed, "
    "extract(epoch from pg_last_xact_replay_timestamp())::text as until";

std::optional<WallTime> time_of(const std::string* epoch) {
  if (epoch == nullptr || epoch->empty()) return std::nullopt;
  const auto micros = static_cast<std::int64_t>(std::stod(*epoch) * 1e6);
  return WallTime(std::chrono::microseconds(micros));
}

// It cannot be read or does not replay; anything else may pass.
bool tells_of_the_copy(ErrorCode code) {
  return code == ErrorCode::ServerStartFailed || code == ErrorCode::Malformed ||
         code == ErrorCode::ControlFileCorrupt;
}

}  // namespace

Standby::Standby(StandbyRequest request) : request_(std::move(request)), copy_(request_.places) {
  status_.pid = ::getpid();
  status_.started_at = wall_now();
  status_.data_dir = copy_.data_dir().string();
}

void Standby::run() {
  while (!request_.stop.stop_requested()) {
    const auto done = attempt();
    server_.reset();
    status_.following_since.reset();
    if (!done && done.error().code != ErrorCode::Cancelled) failed(done.error());
    if (!anew_ && !rest(kAgainAfter)) break;
  }
  status_.state = ShadowState::Stopped;
  show();
}

Result<void> Standby::attempt() {
  TRY(archive, request_.archive());
  TRY_VOID(ready_copy(archive));
  TRY_VOID(start(archive));
  const auto began = SteadyClock::now();
  const auto followed = follow();
  if (SteadyClock::now() - began > kHealthyAfter) failures_ = 0;
  if (!followed) return followed;
  TRY_VOID(server_->stop());
  return {};
}

Result<void> Standby::ready_copy(const archive::RestoreRequest& archive) {
  TRY(origin, copy_.origin());
  if (origin) TRY_VOID(copy_.still_standby());
  const bool strange = origin && origin->system_id != request_.system_id;
  if (origin && (anew_ || strange)) {
    log_warning("the shadow is built anew", {{"data_dir", copy_.data_dir().string()},
                                             {"why", strange ? "it is another cluster's" : said_}});
    TRY_VOID(copy_.discard(archive.account));
    origin.reset();
  }
  if (origin) {
    status_.backup = origin->backup;
    return {};
  }
  return build(archive);
}

Result<void> Standby::build(const archive::RestoreRequest& archive) {
  status_.state = ShadowState::Building;
  status_.problem.reset();
  show();
  auto request = archive;
  request.stop = request_.stop;
  request.tell = [this](const archive::RestoreProgress& progress) {
    status_.bytes = progress.bytes;
    status_.bytes_all = progress.bytes_total;
    if (SteadyClock::now() - shown_at_ >= kShowEvery) show();
  };
  TRY(origin, copy_.build(std::move(request)));
  status_.backup = origin.backup;
  anew_ = false;
  failures_ = 0;
  log_info("the shadow is built", {{"from", origin.backup}});
  return {};
}

Result<void> Standby::start(const archive::RestoreRequest& archive) {
  status_.state = ShadowState::Starting;
  show();
  TRY(control, instance::read_control_file(copy_.data_dir()));
  archive::PrivateServerOptions options;
  options.image = archive.image;
  options.bin_dir = archive.bin_dir;
  if (!options.image && options.bin_dir.empty()) {
    TRY(found, instance::find_bin_dir(control.major));
    options.bin_dir = found;
  }
  options.data_dir = copy_.data_dir();
  options.work_dir = request_.work_dir;
  options.account = archive.account;
  options.superuser = archive.superuser;
  options.settings = standby_settings(control, request_.relay_directory, kShadowName);
  TRY_VOID(runtime::ensure_directory(request_.work_dir, {.mode = 0700, .owner = archive.account}));
  TRY(server, archive::PrivateServer::start(std::move(options)));
  server_ = std::move(server);
  return server_->await_ready(request_.stop, [this] {
    if (SteadyClock::now() - shown_at_ >= kShowEvery) show();
  });
}

Result<void> Standby::follow() {
  TRY(session, server_->connect("template1"));
  status_.following_since = wall_now();
  log_info("the shadow follows", {{"data_dir", status_.data_dir}});
  do {
    TRY_VOID(server_->alive());
    TRY_VOID(look(session));
    TRY_VOID(look_at_relay());
    if (anew_) return {};
    show();
  } while (rest(kLookEvery));
  return {};
}

Result<void> Standby::look(client::ReplicationSession& session) {
  TRY(rows, session.run(kPosition));
  const auto* replayed = rows.at(0, "replayed");
  const auto* timeline = rows.at(0, "timeline");
  if (replayed != nullptr) status_.replayed_lsn = parse_lsn(*replayed).value_or(Lsn{});
  if (timeline != nullptr && !timeline->empty())
    status_.timeline = TimelineId(static_cast<std::uint32_t>(std::stoul(*timeline)));
  status_.replayed_until = time_of(rows.at(0, "until"));
  return {};
}

// What it is not given it never will be: a backup made since has it already.
Result<void> Standby::look_at_relay() {
  status_.state = ShadowState::Following;
  status_.problem.reset();
  const auto standbys = read_relay_status(request_.relay_status);
  if (!standbys) return {};
  const auto ours = std::ranges::find(*standbys, kShadowName, &StandbyView::application_name);
  if (ours == standbys->end() || !ours->held) return {};
  status_.state = ShadowState::Held;
  const auto why = Error(ErrorCode::WrongState, ours->held->what + " cannot be replayed here")
                       .with_hint(
                           "The shadow is built anew from the next backup: 'pgkeel backup "
                           "now' makes one.");
  status_.problem = archive::problem_of(why, wall_now());
  said_ = why.message();
  const auto now = SteadyClock::now();
  if (now - asked_archive_at_ < kAskArchiveEvery) return {};
  asked_archive_at_ = now;
  anew_ = newer_backup_fits(ours->held->start);
  return {};
}

bool Standby::newer_backup_fits(Lsn behind) const {
  const auto archive = request_.archive();
  if (!archive) return false;
  const auto backups = archive::list_backups(*archive->store);
  return backups && !backups->empty() && backups->back().start_lsn > behind;
}

void Standby::failed(const Error& error) {
  status_.state = ShadowState::Waiting;
  status_.problem = archive::problem_of(error, wall_now());
  if (error.message() != said_)
    log_error("the shadow does not follow", {{"why", error.message()}, {"hint", error.hint()}});
  said_ = error.message();
  show();
  if (!tells_of_the_copy(error.code)) return;
  anew_ = ++failures_ >= kFailuresMax;
}

void Standby::show() {
  shown_at_ = SteadyClock::now();
  status_.written_at = wall_now();
  const auto written = runtime::write_file_atomic(request_.status_file, to_json(status_));
  if (!written) log_warning("status not written", {{"why", written.error().message()}});
}

// False when told to stop meanwhile.
bool Standby::rest(Millis limit) const {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, request_.stop, limit, [] { return false; });
  return !request_.stop.stop_requested();
}

}  // namespace pgkeel::shadow
