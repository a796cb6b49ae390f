// See session.hpp. src/backend/replication/walsender.c and walreceiver.c tell who says what when.
#include "shadow/relay/session.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/log.hpp"
#include "pg/wal/format.hpp"
#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/login_messages.hpp"

namespace pgkeel::shadow {
namespace {

namespace wire = pg::wire;
namespace backend = pg::wire::backend;
using wire::Value;

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

bool asks_for_replication(const wire::StartupMessage& startup) {
  const auto asked = startup.find("replication");
  constexpr auto kYes = std::to_array<std::string_view>({"true", "on", "yes", "1"});
  return asked && std::ranges::find(kYes, *asked) != kYes.end();
}

constexpr backend::Column text_column(std::string_view name) {
  return {.name = name, .type = backend::kTextType};
}
constexpr backend::Column int4_column(std::string_view name) {
  return {.name = name, .type = backend::kInt4Type, .type_bytes = 4};
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
void RelaySession::begin(const wire::StartupPacket& packet) {
  if (const auto* startup = std::get_if<wire::StartupMessage>(&packet))
    return begin_session(*startup);
  if (std::holds_alternative<wire::CancelRequest>(packet)) state_ = State::Ended;
  else out_.end().push_back(std::byte{'N'});
}

void RelaySession::begin_session(const wire::StartupMessage& startup) {
  if (!asks_for_replication(startup))
    return refuse(Error(ErrorCode::Refused, "only replication connections are served here"),
                  kFatal);
  if (const auto name = startup.find("application_name")) view_.application_name = *name;
  replays_ = view_.application_name != kGateName;
  auto& out = out_.end();
  backend::append_authentication(out, backend::Authentication::Kind::Ok);
  append(out, backend::ParameterStatus{"server_encoding", "UTF8"});
  append(out, backend::ParameterStatus{"client_encoding", "UTF8"});
  append(out, backend::ParameterStatus{"integer_datetimes", "on"});
  append(out, backend::ParameterStatus{"standard_conforming_strings", "on"});
  append(out, backend::ReadyForQuery());
  state_ = State::Idle;
}

void RelaySession::take(const wire::Message& message, SteadyTime now) {
  if (message.type == wire::frontend::Terminate::kType) {
    state_ = State::Ended;
    return;
  }
  if (state_ != State::Idle) return hear(message, now);
  if (message.type == wire::frontend::Query::kType) return query(message, now);
  refuse(Error(ErrorCode::Malformed,
               fmt::format("a message of kind '{}' where a command belongs", message.type)),
         kFatal);
}

void RelaySession::query(const wire::Message& message, SteadyTime now) {
  const auto done = [&]() -> Result<void> {
    TRY(query, wire::frontend::Query::decode(message.body));
    TRY(command, parse_replication_command(query.sql));
    return answer(command, now);
  }();
  if (!done) refuse(done.error(), kError);
  if (!ended() && state_ == State::Idle) append(out_.end(), backend::ReadyForQuery());
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
  constexpr auto kColumns = std::to_array({text_column("systemid"), int4_column("timeline"),
                                           text_column("xlogpos"), text_column("dbname")});
  const auto system = to_string(system_id_);
  const auto timeline = std::to_string(held->timeline.value);
  const auto position = to_string(held->end);
  const Value values[] = {system, timeline, position, std::nullopt};
  backend::append_row_description(out_.end(), kColumns);
  backend::append_data_row(out_.end(), std::span(values));
  append(out_.end(), backend::CommandComplete{"IDENTIFY_SYSTEM"});
  return {};
}

Result<void> RelaySession::tell_history(TimelineId timeline) {
  TRY(text, shelf_.history(timeline));
  constexpr auto kColumns = std::to_array({text_column("filename"), text_column("content")});
  const auto name = pg::history_name(timeline);
  const Value values[] = {name, text};
  backend::append_row_description(out_.end(), kColumns);
  backend::append_data_row(out_.end(), std::span(values));
  append(out_.end(), backend::CommandComplete{"TIMELINE_HISTORY"});
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
  // Text, as the server says it, though what follows is not.
  backend::append_copy_response(out_.end(), backend::CopyDirection::Both, 0,
                                std::span<const wire::Format>());
  state_ = State::Streaming;
  view_.streaming = true;
  spoke_at_ = now;
  return {};
}

void RelaySession::hear(const wire::Message& message, SteadyTime now) {
  if (message.type == wire::CopyDone::kType) return copy_ended_by_standby();
  if (message.type != wire::CopyData::kType) return;
  const auto heard = archive::decode_standby_message(message.body);
  if (!heard) return refuse(heard.error(), kFatal);
  if (!*heard) return;
  view_.status = **heard;
  if (view_.status.reply == archive::Reply::Asked && state_ == State::Streaming) keep_alive(now);
}

void RelaySession::copy_ended_by_standby() {
  view_.streaming = false;
  if (state_ == State::Streaming) wire::append_bare<wire::CopyDone>(out_.end());
  if (state_ == State::Leaving) tell_next_timeline();
  else stream_complete();
  state_ = State::Idle;
  append(out_.end(), backend::ReadyForQuery());
}

// Twice, as a server says it: libpqrcv_endstreaming() counts on it.
void RelaySession::stream_complete() {
  append(out_.end(), backend::CommandComplete{"START_STREAMING"});
  append(out_.end(), backend::CommandComplete{"START_REPLICATION"});
}

void RelaySession::tell_next_timeline() {
  constexpr auto kColumns =
      std::to_array({int4_column("next_tli"), text_column("next_tli_startpos")});
  const auto next = std::to_string(left_->next.value);
  const auto position = to_string(left_->at);
  const Value values[] = {next, position};
  backend::append_row_description(out_.end(), kColumns);
  backend::append_data_row(out_.end(), std::span(values));
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
  wire::append_copy_data(out_.end(), archive::encode_wal_head(head), piece_);
  view_.sent.value += piece_.size();
  spoke_at_ = now;
  return {};
}

// The standby answers with its own end of the copy, and is told then where it goes on.
void RelaySession::leave() {
  wire::append_bare<wire::CopyDone>(out_.end());
  state_ = State::Leaving;
}

void RelaySession::keep_alive(SteadyTime now) {
  const auto message =
      archive::encode_keepalive({view_.sent, wall_now(), archive::Reply::NotAsked});
  wire::append_copy_data(out_.end(), message);
  spoke_at_ = now;
}

void RelaySession::refuse(const Error& error, std::string_view severity) {
  view_.refusal = error;
  const auto text = error.message();
  append(out_.end(), wire::ErrorReport{.severity = severity,
                                       .sqlstate = sqlstate_of(error.code),
                                       .message = text,
                                       .hint = error.hint()});
  if (severity == kFatal) state_ = State::Ended;
}

}  // namespace pgkeel::shadow
