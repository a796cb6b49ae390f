// See transaction.hpp.
#include "client/transaction.hpp"

#include <charconv>
#include <utility>

#include "client/exchange.hpp"
#include "client/session.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

std::string begin_statement(const TransactionOptions& options) {
  std::string sql = "begin";
  switch (options.isolation) {
    case Isolation::ServerDefault: break;
    case Isolation::ReadCommitted: sql += " isolation level read committed"; break;
    case Isolation::RepeatableRead: sql += " isolation level repeatable read"; break;
    case Isolation::Serializable: sql += " isolation level serializable"; break;
  }
  switch (options.access) {
    case Access::ServerDefault: break;
    case Access::ReadWrite: sql += " read write"; break;
    case Access::ReadOnly: sql += " read only"; break;
  }
  return sql;
}

DbError misuse(std::string detail, Outcome outcome, std::string host) {
  DbError error;
  error.error = Error(ErrorCode::WrongState, std::move(detail));
  error.phase = Phase::InFlight;
  error.outcome = outcome;
  error.host = std::move(host);
  return error;
}

DbError ended_already() {
  return misuse("the transaction has already ended", Outcome::NotApplied, {});
}

std::optional<Xid> xid_from(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  const auto xid = rows.int64(0, 0);
  if (!xid) return std::nullopt;
  return Xid(static_cast<std::uint64_t>(*xid));
}

}  // namespace

Task<DbResult<Transaction>> Transaction::begin(Connection* connection, TransactionOptions options,
                                               Limit limit) {
  std::optional<ServerIdentity> server;
  if (options.proof == ProofMode::XactStatus && options.access != Access::ReadOnly) {
    // Outside the transaction, because a server that denies it must not spoil the transaction.
    auto identity = co_await connection->identity(limit);
    if (identity) server = *std::move(identity);
    else if (!connection->usable()) co_return fail(std::move(identity).error());
  }
  const auto begun = co_await connection->execute(begin_statement(options), limit);
  if (!begun) {
    DbError error = begun.error();
    error.outcome = Outcome::NotApplied;
    co_return fail(std::move(error));
  }
  co_return Transaction(connection, std::move(server));
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      server_(std::move(other.server_)),
      first_failure_(std::move(other.first_failure_)) {}

Transaction::~Transaction() {
  if (connection_ != nullptr) connection_->close();
}

DbResult<Rows> Transaction::checked(DbResult<Rows> rows) {
  if (!rows) {
    rows.error().outcome = Outcome::NotApplied;
    if (!first_failure_) first_failure_ = rows.error();
  }
  if (connection_->transaction_state() != TransactionState::Idle) return rows;
  // A statement ended the transaction behind our back: COMMIT, ROLLBACK, or a procedure.
  const std::string host = connection_->host();
  std::exchange(connection_, nullptr)->close();
  return fail(misuse("a statement ended the transaction; use commit() and rollback()",
                     Outcome::Unknown, host));
}

Task<DbResult<Rows>> Transaction::query(std::string sql, Params params, Limit limit) {
  if (connection_ == nullptr) co_return fail(ended_already());
  auto rows = co_await connection_->query(std::move(sql), std::move(params), std::move(limit));
  co_return checked(std::move(rows));
}

Task<DbResult<Rows>> Transaction::execute(std::string sql, Limit limit) {
  if (connection_ == nullptr) co_return fail(ended_already());
  auto rows = co_await connection_->execute(std::move(sql), std::move(limit));
  co_return checked(std::move(rows));
}

Task<DbResult<Rows>> Transaction::query_prepared(std::string name, Params params, Limit limit) {
  if (connection_ == nullptr) co_return fail(ended_already());
  auto rows =
      co_await connection_->query_prepared(std::move(name), std::move(params), std::move(limit));
  co_return checked(std::move(rows));
}

// Null when no proof is wanted or possible, and a proof without an xid when nothing was written.
Task<DbResult<std::shared_ptr<const CommitProof>>> Transaction::fetch_proof(Limit limit) {
  if (!server_) co_return nullptr;
  const auto rows = co_await query(
      "select pg_current_xact_id_if_assigned()::text, pg_backend_pid()", {}, std::move(limit));
  if (!rows) co_return fail(rows.error());
  Session& session = *connection_->session_;
  const auto backend = static_cast<pid_t>(rows->int64(0, 1).value_or(0));
  if (backend != session.identity_backend) {
    session.identity.reset();
    co_return nullptr;
  }
  co_return std::make_shared<const CommitProof>(CommitProof{
      .xid = xid_from(*rows).value_or(Xid()), .server = *server_, .backend_pid = backend});
}

Task<DbResult<Rows>> Transaction::send_commit(Limit limit) {
  Session* const session = connection_->session_.get();
  const BusyMark busy(*session);
  if (auto refused = refusal(*session, limit)) co_return fail(*std::move(refused));
  session->committed_locally = false;
  const int sent = PQsendQuery(session->pq.get(), "commit");
  auto answer = co_await finish_exchange(
      session, sent, {.phase = Phase::Commit, .at_deadline = AtDeadline::Abandon},
      std::move(limit));
  co_return answer;
}

Task<DbResult<CommitReport>> Transaction::commit(Limit limit) {
  if (connection_ == nullptr) co_return fail(ended_already());
  if (connection_->transaction_state() == TransactionState::Failed && first_failure_) {
    static_cast<void>(co_await rollback(std::move(limit)));
    co_return fail(*std::move(first_failure_));
  }
  const auto proof = co_await fetch_proof(limit);
  if (!proof) co_return fail(proof.error());
  auto answer = co_await send_commit(std::move(limit));
  const Session& session = *std::exchange(connection_, nullptr)->session_;
  CommitReport report;
  if (*proof && (*proof)->xid.valid()) report.xid = (*proof)->xid;
  if (session.committed_locally) {
    report.confirmation = Confirmation::LocalOnly;
    co_return report;
  }
  if (!answer) {
    // Without a transaction id there was nothing to apply.
    if (*proof && !report.xid) answer.error().outcome = Outcome::NotApplied;
    if (answer.error().outcome == Outcome::Unknown && report.xid) answer.error().proof = *proof;
    co_return fail(std::move(answer).error());
  }
  if (answer->command_tag() == "COMMIT") co_return report;
  co_return fail(first_failure_ ? *std::move(first_failure_)
                                : misuse("the server rolled back instead of committing",
                                         Outcome::NotApplied, session.host));
}

Task<DbResult<>> Transaction::rollback(Limit limit) {
  if (connection_ == nullptr) co_return fail(ended_already());
  Connection* const connection = std::exchange(connection_, nullptr);
  const auto done = co_await connection->execute("rollback", std::move(limit));
  if (done) co_return DbResult<>();
  connection->close();
  DbError error = done.error();
  error.outcome = Outcome::NotApplied;
  co_return fail(std::move(error));
}

}  // namespace pgkeel::client
