// What went wrong between us and the server, and above all whether the work was applied. The
// outcome is on every error: it is what a caller needs before it may do anything again.
// It guarantees: NotApplied and Applied are only said when they are proven; everything else is
// Unknown. A DbError never carries a password.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::client {

/// What the failed work left behind in the database.
enum class Outcome : std::uint8_t {
  NotApplied,  ///< proven: nothing of it is in the database, nor can it get there
  Applied,     ///< proven: all of it is committed, although the call failed
  Unknown,     ///< COMMIT (or a bare statement) was sent and nothing came back
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// How far the work had come.
enum class Phase : std::uint8_t {
  Connect,     ///< no session yet
  BeforeSend,  ///< a session, but the statement had not left completely
  InFlight,    ///< the statement was on its way, COMMIT was not
  Commit,      ///< COMMIT was on its way
};
[[nodiscard]] std::string_view to_string(Phase phase);

struct CommitProof;

struct DbError {
  Error error = {};
  Outcome outcome = Outcome::NotApplied;
  Phase phase = Phase::Connect;
  std::string host = {};        ///< "db1:5432" or "/run/postgresql:5432"; empty when none was tried
  int attempts = 1;             ///< of the whole work, this one included
  Millis elapsed = {};          ///< since the work began, over all attempts
  std::string constraint = {};  ///< of a 23xxx, when the server named it
  /// What is needed to ask later whether an Unknown commit happened (commit_proof.hpp); else null.
  std::shared_ptr<const CommitProof> proof = {};

  /// Five characters when a server said them, else empty.
  [[nodiscard]] std::string_view sqlstate() const { return error.sqlstate; }
  /// The retry policy of the code; errors without a code are judged by their phase.
  [[nodiscard]] pg::SqlstatePolicy policy() const;
  /// For people: "db1:5432: deadlock detected (SQLSTATE 40P01); not applied, attempt 2".
  [[nodiscard]] std::string message() const;
};

template <class T = void>
using DbResult = std::expected<T, DbError>;

/// The plain error for callers above, outcome and host in its context.
[[nodiscard]] Error to_error(DbError error);

/// DbResult<T> as Result<T>, for TRY: CO_TRY(rows, plain(std::move(answer))).
template <class T>
[[nodiscard]] Result<T> plain(DbResult<T> result) {
  if (!result) return std::unexpected<Error>(to_error(std::move(result).error()));
  if constexpr (std::is_void_v<T>) return {};
  else return std::move(*result);
}

/// The code of the error table for what a server said: AuthFailed for class 28, NotFound for a
/// missing database, ConnectionLost for a killed session, Query for the rest.
[[nodiscard]] ErrorCode error_code_for(std::string_view sqlstate, Phase phase);

}  // namespace pgkeel::client

namespace pgkeel {

/// Lets TRY and CO_TRY pass a DbError on in functions that return a DbResult.
[[nodiscard]] inline std::unexpected<client::DbError> fail(client::DbError error) {
  return std::unexpected<client::DbError>(std::move(error));
}

}  // namespace pgkeel
