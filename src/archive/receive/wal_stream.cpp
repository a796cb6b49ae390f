// See wal_stream.hpp.
#include "archive/receive/wal_stream.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "archive/receive/server.hpp"

namespace pgkeel::archive {
namespace {

constexpr Millis kStartLimit{30'000};  // the server may have to read a long way to find the place
constexpr Millis kSendLimit{10'000};
constexpr Millis kEndLimit{5'000};
constexpr Millis kStopLimit{2'000};
constexpr Millis kShowEvery{100};
constexpr Millis kLookForStopEvery{20};
constexpr Millis kLookAtGroundEvery{1'000};

Result<StreamStart> next_timeline(const client::TextRows& rows) {
  const auto* timeline = rows.at(0, "next_tli");
  const auto* position = rows.at(0, "next_tli_startpos");
  std::uint32_t number = 0;
  if (timeline != nullptr)
    std::from_chars(timeline->data(), timeline->data() + timeline->size(), number);
  if (number == 0 || position == nullptr)
    return fail(ErrorCode::Malformed, "the server did not say which timeline comes next");
  TRY(switch_at, parse_lsn(*position));
  return StreamStart{TimelineId(number), switch_at};
}

}  // namespace

WalStream::WalStream(client::ReplicationSession& session, const StreamParts& parts,
                     Durability durability, int wake_fd)
    : session_(session),
      ground_(parts.ground),
      spool_(parts.spool),
      board_(parts.board),
      shipper_(parts.shipper),
      on_written_(parts.on_written),
      wake_fd_(wake_fd),
      durability_(durability),
      policy_(durability, SteadyClock::now()),
      heard_at_(SteadyClock::now()) {}

Result<StreamEnd> WalStream::run(const std::string& slot, const StreamStart& start) {
  TRY_VOID(session_.send(start_command(slot, start)));
  TRY(step, session_.next(kStartLimit));
  using Step = client::ReplicationSession::Step;
  if (step == Step::Rows) {  // nothing is left on this timeline: it ends where we are
    TRY(next, next_timeline(session_.rows()));
    return server_ended(next);
  }
  if (step != Step::CopyBoth)
    return fail(ErrorCode::WrongState, "the server did not begin to stream WAL");
  auto end = follow();
  const auto flushed = spool_.flush();
  if (end && !flushed) return fail(flushed.error());
  show();
  return end;
}

Result<StreamEnd> WalStream::follow() {
  while (true) {
    const auto now = SteadyClock::now();
    const auto until_ask = std::max(Millis(1), std::chrono::ceil<Millis>(ask_at() - now));
    const auto until_due = std::min(policy_.wait(now), until_ask);
    const auto message = session_.read_copy(shown_ ? until_due : std::min(until_due, kShowEvery));
    if (!message && message.error().code == ErrorCode::Cancelled) return stop();
    if (!message && message.error().code != ErrorCode::TimedOut) return fail(message.error());
    if (message && !*message) return server_ended();
    if (message) TRY_VOID(take(**message));
    TRY_VOID(turn(message ? FlushPolicy::Socket::MayHoldMore : FlushPolicy::Socket::Drained));
    if (told_to_stop()) return stop();
  }
}

Result<void> WalStream::take(ByteSpan bytes) {
  TRY(message, decode_stream_message(bytes));
  heard_at_ = SteadyClock::now();
  shown_ = false;
  if (const auto* wal = std::get_if<WalData>(&message)) return take_wal(*wal);
  const auto& keepalive = std::get<Keepalive>(message);
  server_at(keepalive.server_end);
  if (keepalive.reply == Reply::Asked) policy_.asked();
  return {};
}

Result<void> WalStream::take_wal(const WalData& wal) {
  server_at(std::max(wal.server_end, Lsn(wal.start.value + wal.bytes.size())));
  TRY(finished, spool_.write(wal.start, wal.bytes));
  if (on_written_) on_written_(spool_.timeline(), spool_.written());
  policy_.wrote(wal.bytes.size(), heard_at_);
  if (finished == 0) return {};
  shipper_.look();
  if (spool_.flushed() == spool_.written()) policy_.flushed();
  return {};
}

Result<void> WalStream::turn(FlushPolicy::Socket socket) {
  auto now = SteadyClock::now();
  TRY_VOID(look_at_ground(now));
  if (policy_.flush_due(now, socket)) {
    TRY_VOID(spool_.flush());
    policy_.flushed();
    shown_ = false;
    now = SteadyClock::now();
  }
  if (now - heard_at_ >= kSilentMax)
    return fail(ErrorCode::ConnectionLost,
                fmt::format("not a word from the server for {}", humane_duration(kSilentMax)));
  if (policy_.report_due(now) || now >= ask_at()) TRY_VOID(report());
  if (shown_ || now - shown_at_ < kShowEvery) return {};
  show();
  if (const auto refusal = shipper_.refusal()) return fail(*refusal);
  return {};
}

Result<void> WalStream::look_at_ground(SteadyTime now) {
  if (now - ground_looked_at_ < kLookAtGroundEvery) return {};
  ground_looked_at_ = now;
  return ground_.firm();
}

// Nothing is ever applied here. Saying so would let a commit under remote_apply wait for ever, so a
// synchronous archive calls what it has flushed applied as well.
Result<void> WalStream::report() {
  const auto now = SteadyClock::now();
  StandbyStatus status;
  status.written = spool_.written();
  status.flushed = spool_.flushed();
  if (durability_ == Durability::Sync) status.applied = status.flushed;
  status.sent_at = wall_now();
  if (now >= ask_at()) {
    status.reply = Reply::Asked;
    asked_at_ = now;
  }
  const auto sent = session_.write_copy(encode_standby_status(status), kSendLimit);
  policy_.reported(now);
  // A server that has ended the copy takes nothing more; reading on tells why.
  if (!sent && sent.error().code != ErrorCode::ConnectionLost) return fail(sent.error());
  return {};
}

SteadyTime WalStream::ask_at() const { return std::max(heard_at_, asked_at_) + kAskAfter; }

void WalStream::server_at(Lsn end) {
  server_end_ = std::max(server_end_, end);
  lag_.server_at(server_end_, heard_at_);
}

void WalStream::show() {
  shown_at_ = SteadyClock::now();
  shown_ = true;
  const auto flushed = spool_.flushed();
  const auto behind = server_end_ > flushed ? server_end_.value - flushed.value : 0;
  const auto lag = lag_.lag(flushed, shown_at_);
  const auto heard =
      wall_now() - std::chrono::duration_cast<std::chrono::microseconds>(shown_at_ - heard_at_);
  board_.update([&](ReceiveStatus& status) {
    status.state = behind > kCaughtUpBytes ? ReceiveState::CatchingUp : ReceiveState::Streaming;
    status.timeline = spool_.timeline();
    status.received_lsn = spool_.written();
    status.flushed_lsn = flushed;
    status.server_lsn = server_end_;
    status.lag_bytes = behind;
    status.lag = lag;
    status.last_message_at = heard;
    status.last_error.reset();
  });
}

// A wait of our own would see it; a server that never lets us wait must not keep us from stopping.
bool WalStream::told_to_stop() {
  const auto now = SteadyClock::now();
  if (wake_fd_ < 0 || now - stop_looked_at_ < kLookForStopEvery) return false;
  stop_looked_at_ = now;
  pollfd polled{wake_fd_, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

Result<StreamEnd> WalStream::stop() {
  TRY_VOID(spool_.flush());
  TRY_VOID(report());
  const StreamEnd stopped{StreamEnd::Why::Stopped};
  if (!session_.end_copy(kStopLimit)) return stopped;
  return stopped;
}

// Either the server shuts down, or this timeline has no more and the next one is named.
Result<StreamEnd> WalStream::server_ended(std::optional<StreamStart> next) {
  using Step = client::ReplicationSession::Step;
  TRY_VOID(spool_.flush());
  static_cast<void>(session_.end_copy(kEndLimit));  // fails when the server ended with an error
  while (true) {
    TRY(step, session_.next(kEndLimit));
    if (step == Step::Done) break;
    if (step != Step::Rows) continue;
    TRY(found, next_timeline(session_.rows()));
    next = found;
  }
  if (!next) return StreamEnd{StreamEnd::Why::ServerStopped};
  return StreamEnd{StreamEnd::Why::NextTimeline, next};
}

}  // namespace pgkeel::archive
