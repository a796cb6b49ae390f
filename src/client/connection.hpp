// One session with a PostgreSQL server, driven by coroutines over non-blocking libpq.
// It guarantees: no call outlasts its limit by more than kCancelGrace, whatever the server does; an
// error always says whether the work was applied; a connection whose state is not known for sure is
// closed and never reused. It refuses COPY, streaming of huge results, and two calls at once.
// https://www.postgresql.org/docs/current/libpq-async.html
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/error.hpp"
#include "client/limit.hpp"
#include "client/rows.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::client {

struct Session;
struct ServerIdentity;

/// How long after its deadline a call may still wait for the server to confirm a cancel. Spent to
/// keep the connection and to learn the outcome; a live server answers in a few milliseconds.
inline constexpr Millis kCancelGrace{250};
/// Statements a connection remembers for preparing them again.
inline constexpr std::size_t kPreparedMax = 256;

/// Values of $1, $2, ... as text; nullopt is NULL.
using Params = std::vector<std::optional<std::string>>;

struct ConnectOptions {
  SteadyTime deadline = runtime::kNever;
  std::stop_token stop = {};
  std::string application_name = "pgkeel";
  /// Sent with the start-up packet as "-c name=value".
  std::vector<std::pair<std::string, std::string>> settings = {};
  /// A peer that is gone without a word is noticed after idle + interval * count.
  Seconds keepalive_idle{15};
  Seconds keepalive_interval{5};
  int keepalive_count = 3;
  /// Whom a server on a Unix socket sees connecting (peer authentication); needs root.
  std::optional<runtime::Account> connect_as = {};
  /// Unacknowledged bytes end the connection after this (TCP_USER_TIMEOUT).
  Millis tcp_user_timeout{30'000};
};

/// A NOTICE, WARNING and so on from the server.
struct Notice {
  std::string severity;  ///< "WARNING", never localized
  std::string sqlstate;
  std::string message;
};

enum class TransactionState { Idle, Open, Failed, Unknown };

class Connection {
 public:
  /// Logs in. Several hosts are tried in order within the one deadline (each gets its share);
  /// refusals that another host would repeat (wrong password, no such database) end the attempt.
  /// The error's phase is Connect and its outcome NotApplied; SQLSTATE is there whenever the server
  /// said one, although libpq does not offer it for failed connects.
  static runtime::Task<DbResult<Connection>> open(runtime::Loop& loop, pg::Conninfo conninfo,
                                                  ConnectOptions options);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Closes; never waits.
  ~Connection();

  /// One statement by the extended protocol. At the deadline (or on stop) it is cancelled: when the
  /// server confirms within kCancelGrace the connection stays usable and the outcome is known,
  /// otherwise the connection is closed and the outcome of a bare statement is Unknown.
  runtime::Task<DbResult<Rows>> query(std::string sql, Params params, Limit limit);
  /// Statements separated by semicolons, in one implicit transaction; the last one's result.
  runtime::Task<DbResult<Rows>> execute(std::string sql, Limit limit);

  /// Parses and plans `sql` under `name` for this session.
  runtime::Task<DbResult<>> prepare(std::string name, std::string sql, Limit limit);
  /// A statement of prepare(). When the server forgot it or its plan is stale (26000, 0A000), it is
  /// prepared again and run once more, outside a transaction only.
  runtime::Task<DbResult<Rows>> query_prepared(std::string name, Params params, Limit limit);

  /// Waits until the idle session is lost and says why; nullopt at the deadline or on stop while it
  /// still lives. The death of a backend is seen at once. No other call may run meanwhile.
  runtime::Task<std::optional<DbError>> wait_lost(Limit limit);

  /// The SCRAM-SHA-256 verifier of `password`, for CREATE ROLE: the password itself is never sent.
  [[nodiscard]] Result<std::string> password_verifier(const std::string& role,
                                                      const std::string& password) const;
  /// What tells this server from its copies and from itself before a crash; asked once, then kept.
  runtime::Task<DbResult<ServerIdentity>> identity(Limit limit);

  /// False once it was closed or lost. Whether it should be reused is fate()'s to say.
  [[nodiscard]] bool usable() const;
  /// What the worst error so far demands; Keep when there was none.
  [[nodiscard]] pg::ConnectionFate fate() const;
  /// As far as can be told without asking: reads what has arrived, never waits.
  [[nodiscard]] bool alive_now();
  void close();

  [[nodiscard]] int socket() const;              ///< -1 when closed
  [[nodiscard]] pid_t backend_pid() const;       ///< 0 when closed
  [[nodiscard]] int server_version_num() const;  ///< 150020; 0 when closed
  /// A parameter the server reports (TimeZone, in_hot_standby, ...); empty when it does not.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  [[nodiscard]] TransactionState transaction_state() const;
  /// "db1:5432": where this session really is.
  [[nodiscard]] const std::string& host() const;
  /// The most recent notices since the last call, kNoticesMax at most.
  [[nodiscard]] std::vector<Notice> take_notices();

 private:
  friend class Transaction;
  explicit Connection(std::unique_ptr<Session> session);
  runtime::Task<DbResult<Rows>> run_prepared(std::string name, Params params, Limit limit);

  std::unique_ptr<Session> session_;
};

}  // namespace pgkeel::client
