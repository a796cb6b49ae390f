// A transaction whose end is never guessed. Before COMMIT has left, every failure is NotApplied;
// after it, a lost connection is Unknown, and the error carries what is needed to resolve it.
// It guarantees: a transaction not committed is rolled back, by the destructor at the latest (it
// closes the connection, which never waits). It refuses transaction control as a statement: COMMIT
// or ROLLBACK through query() is answered with an error, since its outcome cannot be vouched for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/commit_proof.hpp"
#include "client/connection.hpp"

namespace pgkeel::client {

enum class Isolation { ServerDefault, ReadCommitted, RepeatableRead, Serializable };
enum class Access { ServerDefault, ReadWrite, ReadOnly };
/// XactStatus costs one round trip before COMMIT and makes Unknown resolvable.
enum class ProofMode { None, XactStatus };

struct TransactionOptions {
  Isolation isolation = Isolation::ServerDefault;
  Access access = Access::ServerDefault;
  ProofMode proof = ProofMode::XactStatus;
};

/// How sure a successful commit is.
enum class Confirmation {
  Confirmed,  ///< the server said COMMIT
  LocalOnly,  ///< on the primary's disk; the wait for its synchronous standbys was cut short
  Proven,     ///< the answer was lost and resolve_commit() found it applied
};

struct CommitReport {
  Confirmation confirmation = Confirmation::Confirmed;
  std::optional<Xid> xid;  ///< none when nothing was written, or without proof
};

class Transaction {
 public:
  /// `connection` must outlive the transaction and is used by nobody else meanwhile.
  static runtime::Task<DbResult<Transaction>> begin(Connection* connection,
                                                    TransactionOptions options, Limit limit);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  runtime::Task<DbResult<Rows>> query(std::string sql, Params params, Limit limit);
  runtime::Task<DbResult<Rows>> execute(std::string sql, Limit limit);
  runtime::Task<DbResult<Rows>> query_prepared(std::string name, Params params, Limit limit);

  /// At the deadline the connection is closed, not cancelled: the outcome is then Unknown. An error
  /// met (and ignored) earlier is returned again, since the server would roll back in silence.
  runtime::Task<DbResult<CommitReport>> commit(Limit limit);
  /// When the server does not answer in time, the connection is closed, which rolls back as well.
  runtime::Task<DbResult<>> rollback(Limit limit);

  [[nodiscard]] bool open() const { return connection_ != nullptr; }
  [[nodiscard]] Connection& connection() { return *connection_; }

 private:
  Transaction(Connection* connection, std::optional<ServerIdentity> server)
      : connection_(connection), server_(std::move(server)) {}
  DbResult<Rows> checked(DbResult<Rows> rows);
  runtime::Task<DbResult<std::shared_ptr<const CommitProof>>> fetch_proof(Limit limit);
  runtime::Task<DbResult<Rows>> send_commit(Limit limit);

  Connection* connection_;                ///< null once ended
  std::optional<ServerIdentity> server_;  ///< none: no proof wanted or possible
  std::optional<DbError> first_failure_;
};

}  // namespace pgkeel::client
