// See session.hpp. src/backend/replication/walsender.c and walreceiver.c tell who says what when.
#include "shadow/relay/session.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/log.hpp"
#include "pg/wal/format.hpp"

namespace pgkeel::shadow {
namespace {

using Values = std::optional<std::string_view>;
using pg::ResultColumn;

constexpr std::string_view kFatal = "FATAL";
constexpr std::string_view kError = "ERROR";

// What a walreceiver acts on: 58P01 is WAL that is no more, as a server says it.
std::string_view sqlstate_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotFound: return "58P01";
    case ErrorCode::Refused: return "0A000";
    case ErrorCode::WrongState: return "57P03";
    case ErrorCode::Malformed: return "08P01";
    default: return "XX000";
  }
}

bool asks_for_replication(const pg::StartupPacket& packet) {
  const auto found = packet.parameters.find("replication");
  if (found == packet.parameters.end()) return false;
  constexpr auto kYes = std::to_array<std::string_view>({"true", "on", "yes", "1"});
  return std::ranges::find(kYes, found->second) != kYes.end();
}

// At most a message's worth; what is cut ends with a page.
std::size_t piece_bytes(Lsn from, Lsn limit) {
  const auto all = limit.value - from.value;
  if (all <= RelaySession::kMessageMax) return all;
  const auto end = (from.value + RelaySession::kMessageMax) / pg::kWalPageBytes * pg::kWalPageBytes;
  return end - from.value;
}

}  // namespace

void RelaySession::receive(ByteSpan bytes, SteadyTime now) {
  in_.feed(bytes);
  while (!ended()) {
    const auto more = take_one(now);
    if (!more) return refuse(more.error(), kFatal);
    if (!*more) return;
  }
}

Result<bool> RelaySession::take_one(SteadyTime now) {
  if (state_ == State::Starting) {
    TRY(packet, in_.next_startup());
    if (packet) begin(*packet);
    return packet.has_value();
  }
  TRY(message, in_.next());
  if (message) take(*message, now);
  return message.has_value();
}

// Encryption is for sockets that leave the machine.
void RelaySession::begin(const pg::StartupPacket& packet) {
  using Kind = pg::StartupPacket::Kind;
  if (packet.kind == Kind::Tls || packet.kind == Kind::GssEncryption) return out_.byte('N');
  if (packet.kind == Kind::Cancel) {
    state_ = State::Ended;
    return;
  }
  if (!asks_for_replication(packet))
    return refuse(Error(ErrorCode::Refused, "only replication connections are served here"),
                  kFatal);
  if (const auto name = packet.parameters.find("application_name"); name != packet.parameters.end())
    view_.application_name = name->second;
  replays_ = view_.application_name != kGateName;
  out_.authentication_ok();
  out_.parameter_status("server_encoding", "UTF8");
  out_.parameter_status("client_encoding", "UTF8");
  out_.parameter_status("integer_datetimes", "on");
  out_.parameter_status("standard_conforming_strings", "on");
  out_.ready_for_query();
  state_ = State::Idle;
}

void RelaySession::take(const pg::FrontendMessage& message, SteadyTime now) {
  if (message.type == 'X') {
    state_ = State::Ended;
    return;
  }
  if (state_ != State::Idle) return hear(message, now);
  if (message.type == 'Q') return query(message, now);
  refuse(Error(ErrorCode::Malformed,
               fmt::format("a message of kind '{}' where a command belongs", message.type)),
         kFatal);
}

void RelaySession::query(const pg::FrontendMessage& message, SteadyTime now) {
  const auto done = [&]() -> Result<void> {
    TRY(text, pg::string_body(message.body));
    TRY(command, parse_replication_command(text));
    return answer(command, now);
  }();
  if (!done) refuse(done.error(), kError);
  if (!ended() && state_ == State::Idle) out_.ready_for_query();
}

Result<void> RelaySession::answer(const ReplicationCommand& command, SteadyTime now) {
  if (std::holds_alternative<IdentifySystem>(command)) return identify();
  if (const auto* history = std::get_if<TimelineHistory>(&command))
    return tell_history(history->timeline);
  return start(std::get<StartReplication>(command), now);
}

Result<void> RelaySession::identify() {
  const auto held = shelf_.held();
  if (!held) return fail(ErrorCode::WrongState, "the archive holds no WAL yet");
  constexpr ResultColumn kColumns[] = {{"systemid", pg::kTextType},
                                       {"timeline", pg::kInt4Type},
                                       {"xlogpos", pg::kTextType},
                                       {"dbname", pg::kTextType}};
  const auto system = to_string(system_id_);
  const auto timeline = std::to_string(held->timeline.value);
  const auto position = to_string(held->end);
  const Values values[] = {system, timeline, position, std::nullopt};
  out_.row_description(kColumns);
  out_.row(values);
  out_.command_complete("IDENTIFY_SYSTEM");
  return {};
}

Result<void> RelaySession::tell_history(TimelineId timeline) {
  TRY(text, shelf_.history(timeline));
  constexpr ResultColumn kColumns[] = {{"filename", pg::kTextType}, {"content", pg::kTextType}};
  const auto name = pg::history_name(timeline);
  const Values values[] = {name, text};
  out_.row_description(kColumns);
  out_.row(values);
  out_.command_complete("TIMELINE_HISTORY");
  return {};
}

// A place ahead of what is held is waited at. A timeline that ends where the stream would begin is
// not streamed: the next one is named at once.
Result<void> RelaySession::start(const StartReplication& command, SteadyTime now) {
  const auto held = shelf_.held();
  if (!held) return fail(ErrorCode::WrongState, "the archive holds no WAL yet");
  view_.timeline = command.timeline.valid() ? command.timeline : held->timeline;
  view_.sent = command.from;
  newest_ = held->timeline;
  TRY(left, shelf_.left(view_.timeline));
  left_ = left;
  if (left_ && left_->at < command.from)
    return fail(ErrorCode::NotFound,
                fmt::format("timeline {} was left at {}, before {}", view_.timeline.value,
                            to_string(left_->at), to_string(command.from)));
  if (left_ && left_->at == command.from) {
    tell_next_timeline();
    return {};
  }
  view_.held.reset();
  view_.refusal.reset();
  watch_.reset();
  out_.copy_both();
  state_ = State::Streaming;
  view_.streaming = true;
  spoke_at_ = now;
  return {};
}

void RelaySession::hear(const pg::FrontendMessage& message, SteadyTime now) {
  if (message.type == 'c') return copy_ended_by_standby();
  if (message.type != 'd') return;
  const auto heard = archive::decode_standby_message(message.body);
  if (!heard) return refuse(heard.error(), kFatal);
  if (!*heard) return;
  view_.status = **heard;
  if (view_.status.reply == archive::Reply::Asked && state_ == State::Streaming) keep_alive(now);
}

void RelaySession::copy_ended_by_standby() {
  view_.streaming = false;
  if (state_ == State::Streaming) out_.copy_done();
  if (state_ == State::Leaving) tell_next_timeline();
  else stream_complete();
  state_ = State::Idle;
  out_.ready_for_query();
}

// Twice, as a server says it: libpqrcv_endstreaming() counts on it.
void RelaySession::stream_complete() {
  out_.command_complete("START_STREAMING");
  out_.command_complete("START_REPLICATION");
}

void RelaySession::tell_next_timeline() {
  constexpr ResultColumn kColumns[] = {{"next_tli", pg::kInt4Type},
                                       {"next_tli_startpos", pg::kTextType}};
  const auto next = std::to_string(left_->next.value);
  const auto position = to_string(left_->at);
  const Values values[] = {next, position};
  out_.row_description(kColumns);
  out_.row(values);
  stream_complete();
}

void RelaySession::pump(SteadyTime now) {
  if (state_ != State::Streaming) return;
  const auto done = send_wal(now);
  if (!done) return refuse(done.error(), kFatal);
  if (state_ == State::Streaming && now - spoke_at_ >= kKeepaliveEvery) keep_alive(now);
}

Result<void> RelaySession::send_wal(SteadyTime now) {
  const auto held = shelf_.held();
  if (held->timeline != newest_) {  // the archive has gone on to another one
    TRY(left, shelf_.left(view_.timeline));
    left_ = left;
    newest_ = held->timeline;
  }
  const auto limit = left_ ? left_->at : held->end;
  if (!watch_ && replays_ && view_.sent < limit) TRY_VOID(begin_watch());
  while (view_.sent < limit && !view_.held && pending().size() + kMessageMax < kPendingMax)
    TRY_VOID(send_piece(limit, now));
  if (left_ && view_.sent >= limit) leave();
  return {};
}

// From where the record that goes on at the start begins: it may be in the segment before, which
// the standby has already.
Result<void> RelaySession::begin_watch() {
  const auto segment_bytes = shelf_.held()->segment_bytes;
  const Lsn start(view_.sent.value / segment_bytes * segment_bytes);
  const Lsn before(start.value - std::min(segment_bytes, start.value));
  watch_.emplace(before, segment_bytes);
  const auto seen = look_up_to(view_.sent);
  if (seen || seen.error().code != ErrorCode::NotFound) return seen;
  watch_.emplace(start, segment_bytes);
  return look_up_to(view_.sent);
}

Result<void> RelaySession::look_up_to(Lsn end) {
  while (watch_->position() < end) {
    const auto from = watch_->position();
    TRY_VOID(shelf_.read(open_, {view_.timeline, from, piece_bytes(from, end)}, piece_));
    // What the standby has already is past mending.
    auto past = watch_->look(piece_);
    while (past && *past) past = watch_->look({});
    if (!past) return fail(past.error());
  }
  return {};
}

Result<void> RelaySession::send_piece(Lsn limit, SteadyTime now) {
  const WalPiece piece{view_.timeline, view_.sent, piece_bytes(view_.sent, limit)};
  TRY_VOID(shelf_.read(open_, piece, piece_));
  std::optional<UnfitRecord> unfit;
  if (watch_) {
    TRY(found, watch_->look(piece_));
    unfit = std::move(found);
  }
  if (unfit) {
    piece_.resize(unfit->start > view_.sent ? unfit->start.value - view_.sent.value : 0);
    view_.held = unfit;
    log_warning("a standby is given no more WAL",
                {{"standby", view_.application_name}, {"before", unfit->what}});
  }
  if (piece_.empty()) return {};
  const archive::WalData head{view_.sent, limit, wall_now(), {}};
  out_.copy_data(archive::encode_wal_head(head), piece_);
  view_.sent.value += piece_.size();
  spoke_at_ = now;
  return {};
}

// The standby answers with its own end of the copy, and is told then where it goes on.
void RelaySession::leave() {
  out_.copy_done();
  state_ = State::Leaving;
}

void RelaySession::keep_alive(SteadyTime now) {
  const auto message =
      archive::encode_keepalive({view_.sent, wall_now(), archive::Reply::NotAsked});
  out_.copy_data(message);
  spoke_at_ = now;
}

void RelaySession::refuse(const Error& error, std::string_view severity) {
  view_.refusal = error;
  out_.error({severity, sqlstate_of(error.code), error.message(), error.hint()});
  if (severity == kFatal) state_ = State::Ended;
}

}  // namespace pgkeel::shadow
