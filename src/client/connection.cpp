// See connection.hpp. Connection::open is in connect.cpp.
#include "client/connection.hpp"

#include <algorithm>
#include <utility>

#include "client/exchange.hpp"
#include "client/session.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

// libpq wants the values as C strings; the pointers live as long as `params`.
std::vector<const char*> pointers_to(const Params& params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const auto& value : params) values.push_back(value ? value->c_str() : nullptr);
  return values;
}

bool is_stale(const DbError& error) {
  return error.policy().retry == pg::SqlstateRetry::OncePrepared;
}

}  // namespace

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

Task<DbResult<Rows>> Connection::query(std::string sql, Params params, Limit limit) {
  const BusyMark busy(*session_);
  if (auto refused = refusal(*session_, limit)) co_return fail(*std::move(refused));
  const std::vector<const char*> values = pointers_to(params);
  const int sent =
      PQsendQueryParams(session_->pq.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0);
  auto rows = co_await finish_exchange(session_.get(), sent, {}, std::move(limit));
  co_return rows;
}

Task<DbResult<Rows>> Connection::execute(std::string sql, Limit limit) {
  const BusyMark busy(*session_);
  if (auto refused = refusal(*session_, limit)) co_return fail(*std::move(refused));
  const int sent = PQsendQuery(session_->pq.get(), sql.c_str());
  auto rows = co_await finish_exchange(session_.get(), sent, {}, std::move(limit));
  co_return rows;
}

Task<DbResult<>> Connection::prepare(std::string name, std::string sql, Limit limit) {
  const BusyMark busy(*session_);
  if (auto refused = refusal(*session_, limit)) co_return fail(*std::move(refused));
  const int sent = PQsendPrepare(session_->pq.get(), name.c_str(), sql.c_str(), 0, nullptr);
  const auto done = co_await finish_exchange(session_.get(), sent, {}, std::move(limit));
  if (!done) co_return fail(done.error());
  if (session_->prepared.size() < kPreparedMax) session_->prepared[name] = sql;
  co_return DbResult<>();
}

Task<DbResult<Rows>> Connection::run_prepared(std::string name, Params params, Limit limit) {
  const BusyMark busy(*session_);
  if (auto refused = refusal(*session_, limit)) co_return fail(*std::move(refused));
  const std::vector<const char*> values = pointers_to(params);
  const int sent =
      PQsendQueryPrepared(session_->pq.get(), name.c_str(), static_cast<int>(values.size()),
                          values.data(), nullptr, nullptr, 0);
  auto rows = co_await finish_exchange(session_.get(), sent, {}, std::move(limit));
  co_return rows;
}

Task<DbResult<Rows>> Connection::query_prepared(std::string name, Params params, Limit limit) {
  const bool inside = transaction_state() != TransactionState::Idle;
  auto rows = co_await run_prepared(name, params, limit);
  const auto known = session_->prepared.find(name);
  if (rows || inside || !is_stale(rows.error()) || known == session_->prepared.end())
    co_return rows;
  const auto quoted = pg::quote_identifier(name);
  // DEALLOCATE fails when the server has forgotten the name, which is just as well.
  if (quoted) static_cast<void>(co_await execute("deallocate " + *quoted, limit));
  const auto prepared = co_await prepare(name, known->second, limit);
  if (!prepared) co_return fail(prepared.error());
  auto again = co_await run_prepared(std::move(name), std::move(params), limit);
  co_return again;
}

Result<std::string> Connection::password_verifier(const std::string& role,
                                                  const std::string& password) const {
  if (!usable()) return fail(ErrorCode::ConnectionLost, "the session is closed");
  const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
      PQencryptPasswordConn(session_->pq.get(), password.c_str(), role.c_str(), "scram-sha-256"),
      &PQfreemem);
  if (!verifier) return fail(ErrorCode::Failed, "no verifier could be made of the password");
  return std::string(verifier.get());
}

Task<std::optional<DbError>> Connection::wait_lost(Limit limit) {
  const BusyMark busy(*session_);
  while (true) {
    if (auto lost = find_loss(*session_)) co_return lost;
    const auto readable =
        co_await session_->loop->wait_readable(socket(), limit.deadline, limit.stop);
    if (!readable) break;
  }
  co_return std::nullopt;
}

bool Connection::usable() const { return session_ && session_->usable(); }

pg::ConnectionFate Connection::fate() const {
  return session_ ? session_->fate : pg::ConnectionFate::Evict;
}

bool Connection::alive_now() {
  return session_ && !session_->busy && !find_loss(*session_).has_value();
}

void Connection::close() {
  if (session_) session_->close();
}

int Connection::socket() const { return usable() ? PQsocket(session_->pq.get()) : -1; }

pid_t Connection::backend_pid() const { return usable() ? PQbackendPID(session_->pq.get()) : 0; }

int Connection::server_version_num() const {
  return usable() ? PQserverVersion(session_->pq.get()) : 0;
}

std::string_view Connection::parameter(std::string_view name) const {
  if (!usable()) return {};
  const char* value = PQparameterStatus(session_->pq.get(), std::string(name).c_str());
  return value == nullptr ? std::string_view() : std::string_view(value);
}

TransactionState Connection::transaction_state() const {
  if (!usable()) return TransactionState::Unknown;
  switch (PQtransactionStatus(session_->pq.get())) {
    case PQTRANS_IDLE: return TransactionState::Idle;
    case PQTRANS_INTRANS: return TransactionState::Open;
    case PQTRANS_INERROR: return TransactionState::Failed;
    case PQTRANS_ACTIVE:
    case PQTRANS_UNKNOWN: break;
  }
  return TransactionState::Unknown;
}

const std::string& Connection::host() const { return session_->host; }

std::vector<Notice> Connection::take_notices() {
  std::vector<Notice> taken(std::make_move_iterator(session_->notices.begin()),
                            std::make_move_iterator(session_->notices.end()));
  session_->notices.clear();
  return taken;
}

}  // namespace pgkeel::client
