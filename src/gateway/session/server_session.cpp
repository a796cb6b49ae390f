// See server_session.hpp.
#include "gateway/session/server_session.hpp"

#include <ranges>

namespace pgkeel::gateway {
namespace {

namespace backend = pg::wire::backend;
using pg::wire::FramePiece;

bool always_looked_at(char type) {
  return type == backend::CommandComplete::kType || type == backend::ParameterStatus::kType ||
         type == backend::kErrorResponse;
}

// A Parse or Close without a name, or a Query, that the server skipped: it was booked as done.
bool touches_unnamed(const Expected& undone) {
  return undone.request == Request::Query ||
         ((undone.request == Request::Parse || undone.request == Request::Close) &&
          !undone.statement);
}

}  // namespace

Result<ServerSession::Step> ServerSession::take(ByteSpan& chunk, Outlet* client,
                                                ServerListener& listener) {
  for (;;) {
    TRY(piece, cursor_.next(chunk));
    if (!piece) return Step::Done;
    if (piece->begins()) TRY_VOID(begin(*piece, listener));
    if (whose_ == Answer::Clients && client != nullptr) {
      if (!piece->carried.empty()) client->send_copy(piece->carried);
      client->send(piece->bytes);
    }
    if (looking_) TRY_VOID(look(*piece, listener));
    if (!piece->ends()) continue;
    const bool ready = piece->header.type == backend::ReadyForQuery::kType;
    if (ready) exchange_.ready(static_cast<TransactionStatus>(piece->bytes.back()));
    answer_ours(client);
    if (ready && exchange_.quiet()) return exchange_.idle() ? Step::Free : Step::Quiet;
  }
}

Result<void> ServerSession::begin(const FramePiece& piece, ServerListener& listener) {
  const auto type = piece.header.type;
  whose_ = Answer::Gateways;  // until it is known: nobody has had a byte of it
  TRY(whose, exchange_.reply(type));
  whose_ = whose;
  looking_ = (whose == Answer::Gateways || always_looked_at(type)) &&
             piece.header.body_bytes() <= kLookedAtMost;
  own_failed_ = own_failed_ || (whose == Answer::Gateways && !looking_);
  if (type == backend::kErrorResponse) {
    undo(listener);
    if (whose_ == Answer::Clients) listener.on_failed();
    else own_failed_ = true;
  }
  const auto& done = exchange_.completed();
  if (done && !done->statement && done->name == kTakenName) unsound_ = true;
  return {};
}

// What was sent and skipped: a Parse has prepared nothing, a Close has closed nothing.
void ServerSession::undo(ServerListener& listener) {
  for (const auto& undone : exchange_.undone() | std::views::reverse) {
    if (touches_unnamed(undone)) unnamed_ = kNobodys;
    if (!undone.statement) continue;
    const bool asked_server = undone.answer != Answer::FromUs;
    if (undone.request == Request::Query || undone.request == Request::Forget) {
      listener.on_unclosed(undone.name, undone.statement);
    } else if (undone.request == Request::Parse) {
      if (asked_server) statements_.erase(*undone.statement);
      if (undone.answer != Answer::Gateways) listener.on_unprepared(undone.name, undone.statement);
    } else if (undone.request == Request::Close) {
      if (asked_server) statements_.put(undone.statement);
      else listener.on_unclosed(undone.name, undone.statement);
    }
  }
}

Result<void> ServerSession::look(const FramePiece& piece, ServerListener& listener) {
  TRY(message, collector_.add(piece));
  if (!message) return {};
  listener.on_message(*message, whose_);
  if (collector_.bytes_held() > 0) collector_.shrink();
  return {};
}

void ServerSession::all_deallocated() {
  statements_.clear();
  for (const auto& owed : exchange_.owed()) {
    if (owed.request != Request::Parse || !owed.statement) continue;
    if (owed.answer == Answer::FromUs) unsound_ = true;  // it had it when it was said to have it
    else statements_.put(owed.statement);
  }
}

void ServerSession::answer_ours(Outlet* client) {
  if (mid_message()) return;  // behind the message that is under way
  ByteBuffer ours;
  while (const auto request = exchange_.take_ours()) {
    if (*request == Request::Parse) pg::wire::append_bare<backend::ParseComplete>(ours);
    else if (*request == Request::Close) pg::wire::append_bare<backend::CloseComplete>(ours);
  }
  if (!ours.empty() && client != nullptr) client->send_copy(ours);
}

}  // namespace pgkeel::gateway
