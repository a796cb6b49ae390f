// See receiver.hpp.
#include "archive/receive/receiver.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "archive/receive/store_view.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

constexpr Millis kBackoffLeast{100};
// A server that restarts is back within seconds, and a synchronous commit waits for us.
constexpr Millis kBackoffMost{2'000};
// What a person has to mend is looked at less often.
constexpr Millis kBackoffForPeople{10'000};
constexpr Millis kSayAgainAfter{60'000};
constexpr std::size_t kHistoryBytesMax = 1U << 20U;

bool needs_a_person(ErrorCode code) {
  return code == ErrorCode::WrongIdentity || code == ErrorCode::AuthFailed ||
         code == ErrorCode::Permission || code == ErrorCode::Refused;
}

SpoolOptions spool_options(const ReceiveRequest& request, const ServerIdentity& server) {
  using enum SpoolOptions::Allocation;
  return {.directory = request.spool,
          .segment_bytes = server.segment_bytes,
          .system_id = server.system_id,
          .allocation = request.durability == Durability::Sync ? Zeroed : Reserved,
          .free_bytes_min = request.free_bytes_min};
}

}  // namespace

Receiver::Receiver(const ReceiveRequest& request, Ground ground, ReceiveStatus status)
    : request_(request),
      ground_(std::move(ground)),
      board_(request.status_file(), status),
      shipper_({request.spool, request.store, request.encoding, request.state_dir}, board_),
      system_id_(request.system_id) {
  if (!system_id_ && status.system_id.valid()) system_id_ = status.system_id;
  if (status.timeline.valid() && system_id_ == status.system_id)
    trusted_ = StreamStart{status.timeline, status.flushed_lsn};
}

Result<void> Receiver::run() {
  auto backoff = kBackoffLeast;
  while (!rest(Millis(0))) {
    const auto next = attempt();
    if (next && *next == Next::Stop) break;
    if (!next && next.error().code == ErrorCode::Cancelled) break;
    if (const auto there = ground_.still_there(); !there) return end_without_ground(there.error());
    if (std::exchange(streamed_, false)) backoff = kBackoffLeast;
    if (!next) say(next.error());
    const bool person = !next && needs_a_person(next.error().code);
    if (rest(person ? kBackoffForPeople : backoff)) break;
    backoff = std::min(backoff * 2, kBackoffMost);
  }
  board_.update([](ReceiveStatus& status) { status.state = ReceiveState::Stopped; });
  return {};
}

// The status stays as it was: its place is no longer ours.
Result<void> Receiver::end_without_ground(const Error& why) {
  board_.abandon();
  log_error("the receiver ends", {{"why", why.message()}, {"hint", why.hint()}});
  return fail(why);
}

Result<Receiver::Next> Receiver::attempt() {
  TRY_VOID(ground_.firm());
  if (spool_) TRY_VOID(spool_->check_room());
  if (const auto refusal = shipper_.refusal()) return fail(*refusal);
  TRY(session, connect());
  TRY(server, identify(session));
  TRY_VOID(check_identity(server));
  TRY_VOID(ready_spool(server));
  TRY_VOID(ensure_slot(session, request_.slot));
  TRY(position, position_of(session, server));
  TRY(archived, archived_until(server));
  TRY(start, decide_start(position, archived));
  log_info("receiving WAL", {{"from", to_string(start.lsn)},
                             {"timeline", start.timeline.value},
                             {"server_at", to_string(server.flushed)}});
  auto next = stream_on(session, start);
  if (next || !wal_is_gone(session, request_.slot, next.error())) return next;
  TRY_VOID(step_over_gap(*resume_));
  return Next::Again;
}

Result<client::ReplicationSession> Receiver::connect() {
  client::ReplicationOptions options;
  options.application_name = request_.application_name;
  options.wake_fd = request_.wake_fd;
  TRY(server, request_.locate());
  options.connect_as = server.connect_as;
  return client::ReplicationSession::open(server.conninfo, options);
}

Result<void> Receiver::check_identity(const ServerIdentity& server) {
  if (!system_id_) system_id_ = server.system_id;
  if (*system_id_ != server.system_id)
    return fail(Error(ErrorCode::WrongIdentity,
                      fmt::format("the server's system identifier is {}, the archive's {}; nothing "
                                  "of it is archived",
                                  to_string(server.system_id), to_string(*system_id_)))
                    .with_hint("Another cluster answers there. Give it an archive of its own "
                               "(archive.store), or bring the known one back."));
  board_.update([&](ReceiveStatus& status) { status.system_id = server.system_id; });
  shipper_.server_is(server);
  return {};
}

Result<void> Receiver::ready_spool(const ServerIdentity& server) {
  if (spool_) return {};
  TRY(spool, SegmentSpool::open(spool_options(request_, server)));
  spool_.emplace(std::move(spool));
  resume_ = spool_->end();
  return {};
}

Result<ServerHistory> Receiver::position_of(client::ReplicationSession& session,
                                            const ServerIdentity& server) {
  ServerHistory position{server.timeline, server.flushed, server.segment_bytes, {}, {}};
  TRY(restart, slot_restart(session, request_.slot));
  position.slot_restart = restart;
  if (server.timeline == TimelineId(1)) return position;
  TRY(text, timeline_history(session, server.timeline));
  TRY(history, pg::parse_history(text));
  position.history = std::move(history);
  return position;
}

Result<std::optional<StreamStart>> Receiver::archived_until(const ServerIdentity& server) {
  if (resume_) return resume_;
  TRY(store, open_store(request_.store));
  TRY(end, end_of_store(*store, server.segment_bytes));
  resume_ = end;
  return end;
}

Result<Receiver::Next> Receiver::stream_on(client::ReplicationSession& session, StreamStart start) {
  while (true) {
    TRY_VOID(keep_history(session, start.timeline));
    const bool known = trusted_ && trusted_->timeline == start.timeline;
    TRY_VOID(spool_->begin(start, known ? trusted_->lsn : Lsn{}));
    resume_ = start;
    shipper_.look();
    WalStream stream(session, {ground_, *spool_, board_, shipper_, request_.on_written},
                     request_.durability, request_.wake_fd);
    const auto end = stream.run(request_.slot, start);
    remember();
    if (!end) return fail(end.error());
    if (end->why == StreamEnd::Why::Stopped) return Next::Stop;
    if (end->why == StreamEnd::Why::ServerStopped) {
      log_info("the server has shut down", {{"received_until", to_string(spool_->written())}});
      board_.update([](ReceiveStatus& status) { status.state = ReceiveState::Connecting; });
      return Next::Again;
    }
    log_info("following to the next timeline",
             {{"timeline", end->next->timeline.value}, {"from", to_string(end->next->lsn)}});
    start = {end->next->timeline, segment_start(end->next->lsn, spool_->segment_bytes())};
  }
}

void Receiver::remember() {
  resume_ =
      StreamStart{spool_->timeline(), segment_start(spool_->written(), spool_->segment_bytes())};
  const StreamStart flushed{spool_->timeline(), spool_->flushed()};
  if (!trusted_ || trusted_->timeline != flushed.timeline || flushed > *trusted_) {
    trusted_ = flushed;
    streamed_ = true;
  }
}

Result<void> Receiver::keep_history(client::ReplicationSession& session, TimelineId timeline) {
  if (timeline == TimelineId(1) || histories_.contains(timeline)) return {};
  TRY(text, timeline_history(session, timeline));
  const auto path = request_.spool / pg::history_name(timeline);
  const auto kept = runtime::read_file(path, kHistoryBytesMax);
  if (kept && *kept != text)
    return fail(ErrorCode::WrongIdentity,
                fmt::format("the server's {} is not the one received before; nothing of that "
                            "timeline is archived",
                            path.filename().native()));
  if (!kept) TRY_VOID(runtime::write_file_atomic(path, text));
  histories_.insert(timeline);
  return {};
}

// The status with the gap is on disk before anything behind it is received, so that the guard takes
// a new base backup whatever happens to this process.
Result<void> Receiver::step_over_gap(const StreamStart& from) {
  TRY(session, connect());
  TRY(server, identify(session));
  TRY_VOID(check_identity(server));
  TRY_VOID(renew_slot(session, request_.slot));
  TRY(position, position_of(session, server));
  const auto to = earliest_start(position);
  const WalGap gap{from.timeline, from.lsn, to.timeline, to.lsn, wall_now()};
  log_error("WAL is lost for the archive: the server has removed it",
            {{"from", to_string(gap.from)},
             {"to", to_string(gap.to)},
             {"hint", "backups from before end there; a new base backup is needed"}});
  board_.update([&gap](ReceiveStatus& status) { status.gap = gap; });
  TRY_VOID(board_.write_through());
  resume_ = to;
  return {};
}

void Receiver::say(const Error& error) {
  const auto now = SteadyClock::now();
  const auto message = error.message();
  board_.update([&](ReceiveStatus& status) {
    status.state = ReceiveState::Waiting;
    status.last_error = problem_of(error, wall_now());
  });
  if (message == said_ && now - said_at_ < kSayAgainAfter) return;
  said_ = message;
  said_at_ = now;
  log_warning("not receiving WAL", {{"why", message}, {"hint", error.hint()}});
}

// True when told to stop.
bool Receiver::rest(Millis limit) const {
  pollfd polled{request_.wake_fd, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace pgkeel::archive
