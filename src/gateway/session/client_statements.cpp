// The messages that name prepared statements, where servers are shared: each is given the name the
// statement has on the server that is attached, and what that server lacks is prepared in front.
// What carries more than names (a Bind's parameters, a long unnamed statement) is rewritten at its
// front and forwarded as it comes.
#include <fmt/format.h>

#include "gateway/session/rewriting.hpp"
#include "gateway/session/way.hpp"

namespace pgkeel::gateway {
namespace {

namespace frontend = pg::wire::frontend;
using pg::wire::FrameHeader;
using pg::wire::FramePiece;

/// No server has it: what a client names that is not its own.
constexpr std::string_view kNoStatement = "pgkeel_none";

}  // namespace

Result<void> ClientSession::hold(const FramePiece& piece, const Way& way) {
  if (way.server == nullptr || way.server->exchange().skipping()) {
    message_ = Message::Ignored;  // the server would skip it, too
    held_.clear();
    return {};
  }
  auto body = piece.body();
  if (!held_.empty() || !piece.ends()) {
    pg::wire::put_bytes(held_, body);
    body = held_;
  }
  TRY(done, rewrite_front(piece.header, body, way));
  if (!done && piece.ends()) {
    TRY_VOID(rewrite(piece.header, body, way));
    done = true;
  }
  if (done) ByteBuffer().swap(held_);
  else if (held_.size() > kHeldMost ||
           (piece.header.type == frontend::Parse::kType && piece.header.body_bytes() > kHeldMost))
    return fail(Error(ErrorCode::Refused,
                      fmt::format("a prepared statement of {} bytes", piece.header.length))
                    .with_hint(fmt::format("In transaction pooling one may have {} bytes; set "
                                           "gateway.pool = \"session\", or send it unprepared.",
                                           kHeldMost)));
  return {};
}

// Where the front decides, the rest is forwarded from here on.
Result<bool> ClientSession::rewrite_front(FrameHeader header, ByteSpan front, const Way& way) {
  if (header.type == frontend::Bind::kType) return bind_front(header, front, way);
  if (header.type == frontend::Parse::kType) return parse_front(header, front, way);
  return false;
}

Result<void> ClientSession::rewrite(FrameHeader header, ByteSpan body, const Way& way) {
  const auto type = header.type;
  if (type == frontend::Query::kType) return query(header, body, way), Result<void>();
  if (type == frontend::Parse::kType) return parse(body, way);
  if (type == frontend::Describe::kType) return describe(body, way);
  if (type == frontend::Close::kType) return close(body, way);
  return fail(ErrorCode::Malformed, "a Bind without names");
}

Result<bool> ClientSession::bind_front(FrameHeader header, ByteSpan front, const Way& way) {
  const auto names = pg::wire::peek_bind_names(front);
  if (!names) return false;
  const auto name = name_on_server(names->statement, way);
  const auto statement = statements_ ? statements_->find(names->statement) : nullptr;
  if (names->statement.empty()) state_.says(unnamed_reading_);
  else if (statement) state_.says(statement->reading());
  ByteBuffer head;
  TRY_VOID(pg::wire::append_renamed_bind(head, header, *names, {names->portal, name}));
  const auto deallocated = names->statement.empty() ? deallocate_unnamed(way) : nullptr;
  way.server->exchange().request({Request::Bind, Answer::Clients, statement});
  if (deallocated)
    way.server->exchange().request(
        {Request::Forget, Answer::FromUs, deallocated, unnamed_deallocates_});
  way.to_server.send_copy(head);
  const auto rest = front.subspan(names->bytes());
  if (held_.empty()) way.to_server.send(rest);
  else way.to_server.send_copy(rest);
  message_ = Message::Forwarded;
  return true;
}

// An unnamed statement too long to be held goes as it comes, and nobody has read what it does.
bool ClientSession::parse_front(FrameHeader header, ByteSpan front, const Way& way) {
  const auto name = pg::wire::peek_parse_name(front);
  if (!name || !name->empty() || header.body_bytes() <= kHeldMost) return false;
  parse_unnamed({}, way);
  unnamed_too_long_ = true;
  state_.cannot_tell();
  way.server->exchange().request({Request::Parse});
  way.to_server.send_copy(header_bytes(header));
  if (held_.empty()) way.to_server.send(front);
  else way.to_server.send_copy(front);
  message_ = Message::Forwarded;
  return true;
}

Result<void> ClientSession::parse(ByteSpan body, const Way& way) {
  const auto name = pg::wire::peek_parse_name(body);
  if (!name) return fail(ErrorCode::Malformed, "a Parse without a name");
  const auto text_and_types = body.subspan(name->size() + 1);
  if (!name->empty()) return parse_named(*name, text_and_types, way);
  parse_unnamed(text_and_types, way);
  way.server->exchange().request({Request::Parse});
  way.to_server.send_copy(
      parse_message("", unnamed_deallocates_.empty() ? text_and_types : ByteSpan(unnamed_)));
  return {};
}

void ClientSession::parse_unnamed(ByteSpan text_and_types, const Way& way) {
  const auto text = text_before_nul(text_and_types);
  unnamed_reading_ = sql::read_effects(text, state_.rules());
  unnamed_deallocates_ = own_deallocated(text, unnamed_reading_).value_or("");
  unnamed_too_long_ = text_and_types.size() > kUnnamedMost;
  if (unnamed_too_long_) ByteBuffer().swap(unnamed_);
  else if (!unnamed_deallocates_.empty()) unnamed_ = deallocate_stand_in(text_and_types);
  else unnamed_.assign(text_and_types.begin(), text_and_types.end());
  unnamed_number_ = store_.next_unnamed();
  way.server->set_unnamed(unnamed_number_);
}

void ClientSession::unnamed_gone(const Way& way) {
  unnamed_too_long_ = false;
  unnamed_.clear();
  unnamed_deallocates_.clear();
  unnamed_number_ = 0;
  way.server->set_unnamed(0);
}

Result<void> ClientSession::parse_named(std::string_view name, ByteSpan text_and_types,
                                        const Way& way) {
  auto& own = own_statements();
  if (const auto existing = own.find(name)) {
    // The server is to say that there is one of that name, and does when it is asked for its own.
    // If its own failed on the way, this is what it has by that name: of no use to anybody.
    if (!way.server->statements().uses(*existing)) prepare(existing, Answer::Gateways, "", way);
    way.server->exchange().request({Request::Parse, Answer::Clients, nullptr, kTakenName});
    way.to_server.send_copy(parse_message(existing->name(), text_and_types));
    return {};
  }
  if (own.full())
    return fail(Error(ErrorCode::Refused, fmt::format("more than {} prepared statements of one "
                                                      "client",
                                                      ClientStatements::kMost))
                    .with_hint("Close or DEALLOCATE those that are not used any more."));
  auto statement = state_.path_moved() ? store_.alone(text_and_types, state_.rules())
                                       : store_.intern(text_and_types, path(), state_.rules());
  own.put(name, statement);
  if (!way.server->statements().uses(*statement)) {
    prepare(statement, Answer::Clients, std::string(name), way);
    return {};
  }
  way.server->exchange().request({Request::Parse, Answer::FromUs, statement, std::string(name)});
  way.server->answer_ours(&way.to_client);
  return {};
}

Result<void> ClientSession::describe(ByteSpan body, const Way& way) {
  TRY(message, frontend::Describe::decode(body));
  std::string name;
  StatementRef statement;
  if (message.target == frontend::Target::Statement) {
    if (statements_) statement = statements_->find(message.name);
    name = name_on_server(message.name, way);
    message.name = name;
  }
  ByteBuffer out;
  frontend::append(out, message);
  way.server->exchange().request({Request::Describe, Answer::Clients, statement});
  way.to_server.send_copy(out);
  return {};
}

Result<void> ClientSession::close(ByteSpan body, const Way& way) {
  TRY(message, frontend::Close::decode(body));
  const bool of_statement = message.target == frontend::Target::Statement;
  if (of_statement && !message.name.empty() && statements_)
    if (auto statement = statements_->find(message.name)) {
      std::string name(message.name);
      statements_->erase(name);
      way.server->exchange().request({Request::Close, Answer::FromUs, statement, name});
      way.server->answer_ours(&way.to_client);
      return {};
    }
  std::string name(message.name);
  if (of_statement) name = name_on_server(message.name, way);
  if (of_statement && message.name.empty() && name.empty()) unnamed_gone(way);
  message.name = name;
  ByteBuffer out;
  frontend::append(out, message);
  way.server->exchange().request({Request::Close});
  way.to_server.send_copy(out);
  return {};
}

std::string ClientSession::name_on_server(std::string_view name, const Way& way) {
  if (name.empty()) {
    if (unnamed_number_ != 0 && way.server->unnamed() == unnamed_number_) return "";
    if (unnamed_.empty()) return std::string(way.server->unnamed() == 0 ? "" : kNoStatement);
    prepare_unnamed(way);
    return "";
  }
  const auto statement = statements_ ? statements_->find(name) : nullptr;
  if (!statement) {
    // What SQL prepared on the server the client keeps has the client's own name.
    const bool ours = name.starts_with(kStatementPrefix);
    return std::string(ours ? kNoStatement : name);
  }
  if (!way.server->statements().uses(*statement)) prepare(statement, Answer::Gateways, "", way);
  return std::string(statement->name());
}

void ClientSession::prepare(const StatementRef& statement, Answer answer, std::string name,
                            const Way& way) {
  way.server->exchange().request({Request::Parse, answer, statement, std::move(name)});
  way.server->statements().put(statement);
  injected_ += statement->text_and_types().size();
  way.to_server.send_copy(parse_message(statement->name(), statement->text_and_types()));
  make_room(way);
}

void ClientSession::prepare_unnamed(const Way& way) {
  way.server->exchange().request({Request::Parse, Answer::Gateways});
  way.server->set_unnamed(unnamed_number_);
  way.to_server.send_copy(parse_message("", unnamed_));
}

void ClientSession::make_room(const Way& way) {
  while (const auto excess = way.server->statements().take_excess()) {
    ByteBuffer out;
    frontend::append(out, frontend::Close{frontend::Target::Statement, excess->name()});
    way.server->exchange().request({Request::Close, Answer::Gateways, excess});
    way.to_server.send_copy(out);
  }
}

// Of its settings what a name without a schema depends on.
std::string ClientSession::path() const {
  std::string path;
  for (const auto* name : {"role", "search_path"})
    if (const auto* value = settings_.find(name)) path += name + ('=' + *value) + '\0';
  return path;
}

ClientStatements& ClientSession::own_statements() {
  if (!statements_) statements_ = std::make_unique<ClientStatements>();
  return *statements_;
}

// Unless it has been closed and prepared anew meanwhile.
void ClientSession::unprepared(const std::string& name, const StatementRef& statement) {
  if (statements_ && statements_->find(name) == statement) statements_->erase(name);
}

void ClientSession::all_deallocated(const Exchange& exchange) {
  if (!statements_) return;
  statements_->clear();
  for (const auto& owed : exchange.owed())
    if (owed.request == Request::Parse && owed.statement && owed.answer != Answer::Gateways)
      statements_->put(owed.name, owed.statement);
}

// Unless it has prepared another of that name meanwhile.
void ClientSession::unclosed(const std::string& name, StatementRef statement) {
  if (!own_statements().find(name)) own_statements().put(name, std::move(statement));
}

}  // namespace pgkeel::gateway
