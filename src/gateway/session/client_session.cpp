// See client_session.hpp: where messages begin and end, and which are only forwarded. What is
// rewritten is in client_statements.cpp.
#include "gateway/session/client_session.hpp"

#include <utility>

#include "gateway/session/way.hpp"
#include "pg/wire/fields.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {
namespace {

namespace frontend = pg::wire::frontend;
using pg::wire::FramePiece;

constexpr char kCopyData = 'd';
constexpr char kCopyDone = 'c';

std::optional<Request> request_of(char type) {
  switch (type) {
    case frontend::Query::kType: return Request::Query;
    case frontend::FunctionCall::kType: return Request::FunctionCall;
    case frontend::Parse::kType: return Request::Parse;
    case frontend::Bind::kType: return Request::Bind;
    case frontend::Describe::kType: return Request::Describe;
    case frontend::Execute::kType: return Request::Execute;
    case frontend::Close::kType: return Request::Close;
    case frontend::Sync::kType: return Request::Sync;
    case kCopyDone:
    case frontend::CopyFail::kType: return Request::CopyEnd;
    default: return std::nullopt;
  }
}

bool names_statements(char type) {
  return type == frontend::Parse::kType || type == frontend::Bind::kType ||
         type == frontend::Describe::kType || type == frontend::Close::kType;
}

}  // namespace

// What may come while no server is attached and changes nothing: the rest of a COPY that failed.
bool ClientSession::needs_server(char type) {
  return type != kCopyData && type != kCopyDone && type != frontend::CopyFail::kType &&
         type != frontend::Flush::kType;
}

Result<ClientSession::Step> ClientSession::take(ByteSpan& chunk, ServerSession* server,
                                                Outlet& to_server, Outlet& to_client) {
  const Way way{server, to_server, to_client};
  injected_ = 0;
  for (;;) {
    if (chunk.empty()) return Step::Done;
    const bool full = server != nullptr && !server->exchange().quiet() &&
                      (server->exchange().full() || injected_ > kInjectedMost);
    if (full && cursor_.between_messages()) {
      // Without it the server may keep its answers until a Sync that is not taken from the client.
      ByteBuffer flush;
      pg::wire::append_bare<frontend::Flush>(flush);
      to_server.send_copy(flush);
      return Step::Full;
    }
    const auto cursor = cursor_;
    const auto rest = chunk;
    TRY(piece, cursor_.next(chunk));
    if (!piece) return Step::Done;
    if (!piece->begins()) {
      TRY_VOID(go_on(*piece, way));
      continue;
    }
    if (piece->header.type == frontend::Terminate::kType) return Step::Left;
    if (server == nullptr && needs_server(piece->header.type)) {
      cursor_ = cursor;
      chunk = rest;
      return Step::NeedsServer;
    }
    TRY_VOID(begin(*piece, way));
  }
}

bool ClientSession::drop_request(ByteBuffer& held) {
  auto cursor = cursor_;
  ByteSpan rest = held;
  bool batch = false;
  for (;;) {
    const auto piece = cursor.next(rest);
    if (!piece || !*piece || !(*piece)->ends()) return false;
    const auto type = (*piece)->header.type;
    if (type == frontend::Terminate::kType) return false;
    const bool sync = type == frontend::Sync::kType;
    const bool whole = type == frontend::Query::kType || type == frontend::FunctionCall::kType;
    if ((sync && !batch) || (whole && batch)) return false;  // nothing to cancel, or no end of it
    if (sync || whole) break;
    batch = batch || needs_server(type);
  }
  cursor_ = cursor;
  held.erase(held.begin(), held.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return true;
}

Result<void> ClientSession::begin(const FramePiece& piece, const Way& way) {
  reader_.reset();
  const auto type = piece.header.type;
  if (type == frontend::kPasswordType) [[unlikely]]
    return fail(ErrorCode::Malformed, "a password message after the login");
  message_ = way.server == nullptr ? Message::Ignored : Message::Forwarded;
  if (message_ == Message::Ignored) return {};
  if (sharing_ == Sharing::Transaction &&
      (names_statements(type) || may_deallocate(piece.header, way))) {
    message_ = Message::Held;
    return hold(piece, way);
  }
  if (type == frontend::Query::kType && !way.server->exchange().skipping()) unnamed_gone(way);
  if (const auto request = request_of(type)) way.server->exchange().request({*request});
  if (type == frontend::Query::kType) read(piece, pg::wire::text_of(piece.body()));
  forward(piece, way);
  return {};
}

// A text that lies in one chunk, as nearly all do, is read where it lies.
void ClientSession::read(const FramePiece& piece, std::string_view text) {
  if (sharing_ == Sharing::Session) return;
  if (piece.begins() && piece.ends()) return state_.says(sql::read_effects(text, state_.rules()));
  if (piece.begins()) reader_ = std::make_unique<sql::EffectsReader>(state_.rules());
  if (!reader_) return;
  reader_->feed(text);
  if (!piece.ends()) return;
  const auto effects = reader_->finish();
  state_.says({effects, reader_->names()});
  reader_.reset();
}

Result<void> ClientSession::go_on(const FramePiece& piece, const Way& way) {
  if (message_ == Message::Held) return hold(piece, way);
  if (message_ != Message::Forwarded) return {};
  if (reader_) read(piece, pg::wire::text_of(piece.body()));
  forward(piece, way);
  return {};
}

void ClientSession::forward(const FramePiece& piece, const Way& way) {
  if (!piece.carried.empty()) way.to_server.send_copy(piece.carried);
  way.to_server.send(piece.bytes);
}

}  // namespace pgkeel::gateway
