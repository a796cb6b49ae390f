// DEALLOCATE of what a client has prepared by the protocol, where servers are shared: its name is
// one the server has never heard. Where nothing is owed the gateway answers by itself; else the
// server deallocates a stand-in, so that order, tag and errors are its own. Of a text with more
// than the one DEALLOCATE, and of one that is prepared by name, nothing is rewritten.
#include "gateway/session/rewriting.hpp"
#include "gateway/session/way.hpp"
#include "gateway/sql/deallocated_name.hpp"
#include "pg/wire/error_fields.hpp"

namespace pgkeel::gateway {
namespace {

namespace backend = pg::wire::backend;
namespace frontend = pg::wire::frontend;

// Closed first: one that was prepared and not deallocated, as its transaction had failed.
void prepare_forgotten(ServerSession& server, Outlet& to_server) {
  ByteBuffer out;
  frontend::append(out, frontend::Close{frontend::Target::Statement, kForgotten});
  server.exchange().request({Request::Close, Answer::Gateways});
  frontend::append_parse(out, kForgotten, "", std::span<const Oid>());
  server.exchange().request({Request::Parse, Answer::Gateways});
  to_server.send_copy(out);
}

// As the server says it: DEALLOCATE is no command of a transaction that has failed.
void append_answer(ByteBuffer& out, TransactionStatus status) {
  if (status == TransactionStatus::Failed)
    append(out, pg::wire::ErrorReport{.sqlstate = "25P02",
                                      .message = "current transaction is aborted, commands ignored "
                                                 "until end of transaction block"});
  else append(out, backend::CommandComplete{"DEALLOCATE"});
  append(out, backend::ReadyForQuery{status});
}

}  // namespace

bool ClientSession::may_deallocate(pg::wire::FrameHeader header, const Way& way) const {
  return header.type == frontend::Query::kType && statements_ && statements_->size() > 0 &&
         header.body_bytes() <= sql::kDeallocateBytesMost && !way.server->exchange().skipping();
}

// A name that SQL prepared, too, is the server's.
std::optional<std::string> ClientSession::own_deallocated(std::string_view sql,
                                                          const sql::Reading& reading) const {
  const bool deallocates = reading.effects.statements == 1 && reading.names.size() == 1 &&
                           reading.names[0].kind == sql::NamedEffect::Kind::Deallocates;
  if (!deallocates || !statements_) return std::nullopt;
  auto name = sql::deallocated_name(sql, state_.rules());
  if (!name || !statements_->find(*name) || state_.prepared_by_sql(*name)) return std::nullopt;
  return name;
}

/// A Query that is all there, of a client that has prepared statements.
void ClientSession::query(pg::wire::FrameHeader header, ByteSpan body, const Way& way) {
  const auto text = text_before_nul(body);
  const auto reading = sql::read_effects(text, state_.rules());
  if (const auto name = own_deallocated(text, reading)) return deallocate(*name, way);
  unnamed_gone(way);
  way.server->exchange().request({Request::Query});
  state_.says(reading);
  way.to_server.send_copy(header_bytes(header));
  if (held_.empty()) way.to_server.send(body);
  else way.to_server.send_copy(body);
}

void ClientSession::deallocate(const std::string& name, const Way& way) {
  auto& exchange = way.server->exchange();
  const auto statement = statements_->find(name);
  const bool failed = exchange.status() == TransactionStatus::Failed;
  unnamed_gone(way);
  if (exchange.quiet() && !way.server->mid_message()) {
    way.server->set_unnamed(ServerSession::kNobodys);  // it is still there
    if (!failed) statements_->erase(name);
    ByteBuffer out;
    append_answer(out, exchange.status());
    return way.to_client.send_copy(out);
  }
  statements_->erase(name);
  prepare_forgotten(*way.server, way.to_server);
  exchange.request({Request::Query, Answer::Clients, statement, name});
  ByteBuffer out;
  append(out, frontend::Query{"DEALLOCATE " + std::string(kForgotten)});
  way.to_server.send_copy(out);
}

/// In front of a Bind of the unnamed statement: what it will have deallocated.
StatementRef ClientSession::deallocate_unnamed(const Way& way) {
  if (unnamed_deallocates_.empty() || !statements_) return nullptr;
  auto statement = statements_->find(unnamed_deallocates_);
  if (!statement) return nullptr;
  statements_->erase(unnamed_deallocates_);
  prepare_forgotten(*way.server, way.to_server);
  return statement;
}

}  // namespace pgkeel::gateway
