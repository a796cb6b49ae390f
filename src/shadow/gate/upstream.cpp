// See upstream.hpp.
#include "shadow/gate/upstream.hpp"

#include <fmt/format.h>

#include "shadow/relay/relay.hpp"

namespace pgkeel::shadow {
namespace {

constexpr Millis kAnswerLimit{10'000};
constexpr const char* kNotThere = "58P01";  // as the relay says that WAL is no more

Result<NextTimeline> read_next(const client::TextRows& rows) {
  const auto* timeline = rows.at(0, "next_tli");
  const auto* at = rows.at(0, "next_tli_startpos");
  if (timeline == nullptr || at == nullptr)
    return fail(ErrorCode::Malformed, "the relay names no next timeline");
  TRY(lsn, parse_lsn(*at));
  return NextTimeline{TimelineId(static_cast<std::uint32_t>(std::stoul(*timeline))), lsn};
}

}  // namespace

Result<GateUpstream> GateUpstream::open(const std::filesystem::path& directory,
                                        const std::string& name, int wake_fd) {
  pg::Conninfo conninfo;
  conninfo.host = directory.string();
  conninfo.port = std::to_string(kRelayPort);
  conninfo.user = name;
  client::ReplicationOptions options;
  options.application_name = name;
  options.wake_fd = wake_fd;
  TRY(session, client::ReplicationSession::open(conninfo, options));
  return GateUpstream(std::move(session));
}

Result<std::optional<NextTimeline>> GateUpstream::start(TimelineId timeline, Lsn from) {
  using Step = client::ReplicationSession::Step;
  TRY_VOID(session_.send(
      fmt::format("START_REPLICATION {} TIMELINE {}", to_string(from), timeline.value)));
  const auto step = session_.next(kAnswerLimit);
  if (!step && step.error().sqlstate == kNotThere)
    return fail(ErrorCode::NotFound, step.error().message());
  if (!step) return fail(step.error());
  if (*step == Step::CopyBoth) return std::nullopt;
  if (*step != Step::Rows) return fail(ErrorCode::WrongState, "the relay did not begin to stream");
  TRY(next, read_next(session_.rows()));
  while (true) {
    TRY(more, session_.next(kAnswerLimit));
    if (more == Step::Done) return next;
  }
}

Result<GateUpstream::Piece> GateUpstream::read(Millis limit) {
  TRY(message, session_.read_copy(limit));
  if (!message) {
    TRY(next, ended());
    return Piece(next);
  }
  TRY(decoded, archive::decode_stream_message(*message));
  if (auto* wal = std::get_if<archive::WalData>(&decoded)) return Piece(*wal);
  return Piece(std::monostate{});
}

Result<NextTimeline> GateUpstream::ended() {
  using Step = client::ReplicationSession::Step;
  TRY_VOID(session_.end_copy(kAnswerLimit));
  std::optional<NextTimeline> next;
  while (true) {
    TRY(step, session_.next(kAnswerLimit));
    if (step == Step::Done) break;
    if (step != Step::Rows) continue;
    TRY(found, read_next(session_.rows()));
    next = found;
  }
  if (!next) return fail(ErrorCode::ConnectionLost, "the relay ended the stream");
  return *next;
}

Result<void> GateUpstream::report(Lsn read, Lsn given) {
  const archive::StandbyStatus status{read, read, given, wall_now()};
  return session_.write_copy(archive::encode_standby_status(status), kAnswerLimit);
}

}  // namespace pgkeel::shadow
