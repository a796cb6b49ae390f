// See standby.hpp.
#include "shadow/standby/standby.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "archive/catalog/backup.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "archive/restore/scratch.hpp"
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
// The receiver is replaced within moments; a standby without WAL for longer does not follow.
constexpr Seconds kSilentMax{10};
// Below it the server is stopped and waits: the disk is the primary's too.
constexpr std::uint64_t kFreeBytesMin = 512U << 20U;
constexpr std::uintmax_t kLogBytesMax = 10U << 20U;

constexpr const char* kPosition =
    "select (select received_tli from pg_stat_wal_receiver)::text as timeline, "
    "(select count(*) from pg_stat_wal_receiver where status = 'streaming')::text as streams, "
    "pg_is_wal_replay_paused()::text as paused, "
    "pg_last_wal_replay_lsn()::text as replayed, "
    "extract(epoch from pg_last_xact_replay_timestamp())::text as until";

// One old log is kept.
void rotate(const std::filesystem::path& log) {
  std::error_code error;
  if (std::filesystem::file_size(log, error) < kLogBytesMax || error) return;
  auto old = log;
  old += ".1";
  std::filesystem::rename(log, old, error);
}

// Where its tablespaces lead, which a container has to be given.
std::vector<std::filesystem::path> tablespaces_of(const std::filesystem::path& data_dir) {
  const auto found = archive::tablespaces_in(data_dir);
  return {found.begin(), found.end()};
}

std::optional<WallTime> time_of(const std::string* epoch) {
  if (epoch == nullptr || epoch->empty()) return std::nullopt;
  const auto micros = static_cast<std::int64_t>(std::stod(*epoch) * 1e6);
  return WallTime(std::chrono::microseconds(micros));
}

// Held counts more than refused, and that more than streaming.
std::optional<StandbyView> ours_among(const std::vector<StandbyView>& standbys) {
  const auto weight = [](const StandbyView& view) { return view.held ? 2 : view.refusal ? 1 : 0; };
  std::optional<StandbyView> ours;
  for (const auto& view : standbys) {
    const bool is_ours = view.application_name == kShadowName || view.application_name == kGateName;
    if (is_ours && (!ours || weight(view) > weight(*ours))) ours = view;
  }
  return ours;
}

// A copy cannot be read before it is there, and cannot be given less than it has.
Result<GatePosition> stands_at(const pg::ControlFile& control, archive::Store& store,
                               const std::string& label) {
  GatePosition stands{control.min_recovery_timeline, control.min_recovery_point};
  TRY(backups, archive::list_backups(store));
  for (const auto& backup : backups)
    if (backup.label == label && backup.stop_lsn > stands.at)
      stands = {backup.timeline, backup.stop_lsn};
  if (stands.at.valid() && stands.timeline.valid()) return stands;
  return fail(ErrorCode::Malformed,
              fmt::format("backup {}, of which it was made, is in the archive no more", label));
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
  if (auto before = read_shadow_status(request_.status_file))
    status_.given_up = std::move(before->given_up);
}

void Standby::run() {
  while (!request_.stop.stop_requested()) {
    const bool was_to_be_built = anew_;
    const auto done = attempt();
    gate_.reset();
    server_.reset();
    status_.following_since.reset();
    if (!done && done.error().code != ErrorCode::Cancelled) failed(done.error());
    const bool build_now = anew_ && !was_to_be_built;  // what failed to be built is given a rest
    if (!build_now && !rest(kAgainAfter)) break;
  }
  status_.state = ShadowState::Stopped;
  show();
}

Result<void> Standby::attempt() {
  TRY(archive, request_.archive());
  TRY_VOID(ready_copy(archive));
  TRY_VOID(require_room());
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
  if (origin) {  // known for ours: only then what one of us that was killed left may be ended
    TRY_VOID(copy_.still_standby());
    TRY_VOID(archive::end_server_of(copy_.data_dir()));
    TRY_VOID(copy_.clear_pending());
  }
  const bool strange = origin && origin->system_id != request_.system_id;
  if (origin && (anew_ || strange)) {
    log_warning("the shadow is built anew", {{"data_dir", copy_.data_dir().string()},
                                             {"why", strange ? "it is another cluster's" : said_}});
    TRY_VOID(archive::plan_restore_of(archive));  // what cannot be built again is not removed
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
  show();
  const auto began = SteadyClock::now();
  auto request = archive;
  request.stop = request_.stop;
  request.tell = [this, began](const archive::RestoreProgress& progress) {
    forget_problem_of_before(began);
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
  if (options.image) options.image->major = control.major;
  options.bin_dir = archive.bin_dir;
  if (!options.image && options.bin_dir.empty()) {
    TRY(found, instance::find_bin_dir(control.major));
    options.bin_dir = found;
  }
  options.data_dir = copy_.data_dir();
  options.work_dir = request_.work_dir;
  options.account = archive.account;
  options.superuser = archive.superuser;
  options.tablespaces = tablespaces_of(copy_.data_dir());
  options.tablespaces.push_back(streams_from());
  options.settings = standby_settings(control, streams_from(), kShadowName);
  TRY_VOID(runtime::ensure_directory(request_.work_dir, {.mode = 0700, .owner = archive.account}));
  rotate(request_.work_dir / "server.log");
  if (request_.gate) TRY_VOID(open_gate(control, archive, options));
  TRY(server, archive::PrivateServer::start(std::move(options)));
  server_ = std::move(server);
  return await_consistent();
}

Result<void> Standby::open_gate(const pg::ControlFile& control,
                                const archive::RestoreRequest& archive,
                                const archive::PrivateServerOptions& server) {
  auto options = *request_.gate;
  options.sides.shadow = [server](const std::string& database) {
    return archive::connect_to(server, database);
  };
  TRY_VOID(runtime::ensure_directory(options.directory, {.mode = 0750, .owner = archive.account}));
  TRY(stands, stands_at(control, *archive.store, status_.backup));
  TRY(gate, GateKeeper::start(std::move(options), stands));
  gate_ = std::move(gate);
  return {};
}

std::filesystem::path Standby::streams_from() const {
  return request_.gate ? request_.gate->directory : request_.relay_directory;
}

// What fails again within a moment is one trouble that lasts, not many that pass.
void Standby::forget_problem_of_before(SteadyTime began) {
  if (SteadyClock::now() - began > kHealthyAfter) status_.problem.reset();
}

// It may be held, or be refused its WAL, before it can be read.
Result<void> Standby::await_consistent() {
  std::stop_source enough;
  const std::stop_callback told(request_.stop, [&enough] { enough.request_stop(); });
  const auto began = SteadyClock::now();
  return server_->await_ready(enough.get_token(), [&] {
    forget_problem_of_before(began);
    look_at_relay(ShadowState::Starting);
    if (anew_) enough.request_stop();
    if (SteadyClock::now() - shown_at_ >= kShowEvery) show();
  });
}

// Full is no failure of the copy, and no reason to build another.
Result<void> Standby::require_room() const {
  TRY(space, runtime::disk_space(copy_.data_dir()));
  if (space.bytes_free >= kFreeBytesMin) return {};
  return fail(Error(ErrorCode::DiskFull,
                    fmt::format("{} are free for the shadow; it waits for {}",
                                format_size(space.bytes_free), format_size(kFreeBytesMin)))
                  .with_hint("Free space there, or set shadow.data_dir to another disk."));
}

Result<void> Standby::follow() {
  TRY(session, server_->connect("template1"));
  status_.following_since = wall_now();
  const auto began = SteadyClock::now();
  streamed_at_ = began;
  log_info("the shadow follows", {{"data_dir", status_.data_dir}});
  do {
    TRY_VOID(server_->alive());
    TRY_VOID(look(session));
    TRY_VOID(require_room());
    const bool unfed = silent(SteadyClock::now());
    look_at_relay(unfed ? ShadowState::Waiting : ShadowState::Following);
    if (!unfed && SteadyClock::now() - began > kHealthyAfter) status_.given_up.reset();
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
  const auto* streams = rows.at(0, "streams");
  if (streams != nullptr && *streams != "0") streamed_at_ = SteadyClock::now();
  const auto* paused = rows.at(0, "paused");
  if (paused == nullptr || *paused != "true") return {};
  return fail(ErrorCode::WrongState,
              "replay is paused, as when the primary's limits were raised; it is started anew");
}

// What stands in the way, as the relay knows it. What a standby is not given it never will be: a
// backup made since has it already.
void Standby::look_at_relay(ShadowState otherwise) {
  status_.state = otherwise;
  if (otherwise != ShadowState::Starting) status_.problem.reset();
  const auto ours = seen_by_relays();
  if (ours && ours->held) {
    const auto why = Error(ErrorCode::WrongState, ours->held->what + " cannot be replayed here");
    return stuck(ShadowState::Held, why, ours->held->start);
  }
  if (ours && ours->refusal && otherwise != ShadowState::Following)
    return stuck(ShadowState::Waiting, *ours->refusal, status_.replayed_lsn);
  if (otherwise == ShadowState::Waiting)
    status_.problem = archive::problem_of(
        Error(ErrorCode::WrongState, "no WAL comes from the receiver's relay"), wall_now());
}

std::optional<StandbyView> Standby::seen_by_relays() const {
  auto standbys = read_relay_status(request_.relay_status).value_or(std::vector<StandbyView>());
  if (gate_)
    for (auto& view : gate_->standbys()) standbys.push_back(std::move(view));
  return ours_among(standbys);
}

bool Standby::silent(SteadyTime now) const {
  const auto fed_at = gate_ ? std::min(gate_->fed_at(), streamed_at_) : streamed_at_;
  return now - fed_at > kSilentMax;
}

void Standby::stuck(ShadowState state, const Error& why, Lsn behind) {
  status_.state = state;
  const auto told = Error(why).with_hint(
      "The shadow is built anew from the next backup: 'pgkeel backup now' makes one.");
  status_.problem = archive::problem_of(told, wall_now());
  said_ = why.message();
  const auto now = SteadyClock::now();
  if (now - asked_archive_at_ < kAskArchiveEvery) return;
  asked_archive_at_ = now;
  anew_ = newer_backup_fits(behind) && !(gate_ && gate_->holds());
}

bool Standby::newer_backup_fits(Lsn behind) const {
  const auto archive = request_.archive();
  if (!archive) return false;
  const auto backups = archive::list_backups(*archive->store);
  return backups && !backups->empty() && backups->back().label != status_.backup &&
         backups->back().start_lsn > behind;
}

void Standby::failed(const Error& error) {
  status_.state = ShadowState::Waiting;
  status_.problem = archive::problem_of(error, wall_now());
  if (error.message() != said_)
    log_error("the shadow does not follow", {{"why", error.message()}, {"hint", error.hint()}});
  said_ = error.message();
  if (tells_of_the_copy(error.code) && require_room() && ++failures_ >= kFailuresMax) {
    anew_ = true;
    status_.given_up = status_.problem;
  }
  show();
}

void Standby::show() {
  shown_at_ = SteadyClock::now();
  status_.written_at = wall_now();
  show_gate();
  const auto written = runtime::write_file_atomic(request_.status_file, to_json(status_));
  if (!written) log_warning("status not written", {{"why", written.error().message()}});
}

void Standby::show_gate() {
  const auto gate = gate_ ? gate_->status() : GateStatus{};
  status_.gate_read_lsn = gate_ ? gate_->told() : Lsn{};
  status_.kept_from.clear();
  status_.kept_until.reset();
  for (const auto& entry : gate.entries) {
    if (!entry.kept() || !entry.destruction) continue;
    status_.kept_from = entry.destruction->describe();
    status_.kept_until = entry.until;
    return;
  }
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
