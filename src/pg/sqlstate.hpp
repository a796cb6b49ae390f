// What a SQLSTATE means for whoever sent the statement: may it be run again, is the connection
// still good, and can the transaction have been committed. The one table behind every retry in
// pgkeel. It guarantees: codes are matched exactly, then by their class; what nobody knows is never
// retried. It refuses to look at message texts: those are localized, SQLSTATE is not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pgkeel::pg {

/// Rows of the policy: what kind of trouble it is.
enum class SqlstateClass : std::uint8_t {
  Success,           ///< 00, 01, 02: no error at all
  DefiniteRollback,  ///< 40001, 40P01: nothing was applied; rerun the whole transaction
  MaybeRollback,     ///< 23505, 23P01: in some cases the same as 40001
  NothingExecuted,   ///< 57P03, 53300, 08001, 08004: refused at the door
  SessionKilled,     ///< 57P01, 57P02, 08006 ...: the session is gone
  LockWait,          ///< 55P03
  WrongNode,         ///< 25006: a standby, or a server made read-only
  StalePlan,         ///< 26000, and 0A000 for a cached plan
  Ambiguous,         ///< 08007, 40003: the server itself does not say
  Resource,          ///< 53xxx, 58xxx, 55000, 55006: full, busy or failing
  Never,             ///< the statement is at fault, or nobody knows better
};
[[nodiscard]] std::string_view to_string(SqlstateClass kind);

/// May the same work be sent again?
enum class SqlstateRetry : std::uint8_t {
  No,
  Yes,             ///< with backoff, within the caller's budget
  IfCommitUnsent,  ///< only while COMMIT (or a bare statement) has not left; else ask for proof
  OncePrepared,    ///< prepare again and retry once, outside a transaction only
  OptIn,           ///< only where the caller asked for it, and slowly
};

/// What becomes of the connection.
enum class ConnectionFate : std::uint8_t {
  Keep,
  Evict,     ///< close it, never hand it out again
  NextHost,  ///< close it, forget the host's role, resolve again
};

/// What the code alone says of the transaction it ended.
enum class TransactionEffect : std::uint8_t {
  NotApplied,           ///< rolled back, or never begun
  UnknownIfCommitSent,  ///< applied only if COMMIT was under way
  Unknown,
};

struct SqlstatePolicy {
  SqlstateClass kind = SqlstateClass::Never;
  SqlstateRetry retry = SqlstateRetry::No;
  ConnectionFate connection = ConnectionFate::Keep;
  TransactionEffect effect = TransactionEffect::NotApplied;
  friend bool operator==(const SqlstatePolicy&, const SqlstatePolicy&) = default;
};

/// The policy of a five-character code. An empty code (the connection broke before the server could
/// say anything) is a killed session; a malformed one is Never.
[[nodiscard]] SqlstatePolicy sqlstate_policy(std::string_view sqlstate);

/// The condition's name in PostgreSQL's appendix A ("deadlock_detected"), or empty when not listed.
[[nodiscard]] std::string_view sqlstate_name(std::string_view sqlstate);

/// Five characters of A-Z and 0-9.
[[nodiscard]] bool is_sqlstate(std::string_view text);

/// Codes other rooms compare with, so that they are spelled once.
namespace sqlstate {
inline constexpr std::string_view kConnectionFailure = "08006";
inline constexpr std::string_view kReadOnlyTransaction = "25006";
inline constexpr std::string_view kInvalidAuthorization = "28000";
inline constexpr std::string_view kInvalidPassword = "28P01";
inline constexpr std::string_view kInvalidCatalogName = "3D000";  ///< no such database
inline constexpr std::string_view kSerializationFailure = "40001";
inline constexpr std::string_view kDeadlockDetected = "40P01";
inline constexpr std::string_view kUndefinedTable = "42P01";
inline constexpr std::string_view kUniqueViolation = "23505";
inline constexpr std::string_view kDiskFull = "53100";
inline constexpr std::string_view kTooManyConnections = "53300";
inline constexpr std::string_view kLockNotAvailable = "55P03";
inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kAdminShutdown = "57P01";
inline constexpr std::string_view kCrashShutdown = "57P02";
inline constexpr std::string_view kCannotConnectNow = "57P03";
inline constexpr std::string_view kLockFileExists = "F0001";
inline constexpr std::string_view kDataCorrupted = "XX001";
inline constexpr std::string_view kIndexCorrupted = "XX002";
}  // namespace sqlstate

}  // namespace pgkeel::pg
