// See error.hpp.
#include "client/error.hpp"

#include <fmt/format.h>

namespace pgkeel::client {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::NotApplied: return "not_applied";
    case Outcome::Applied: return "applied";
    case Outcome::Unknown: return "unknown";
  }
  return "unknown";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::Connect: return "connect";
    case Phase::BeforeSend: return "before_send";
    case Phase::InFlight: return "in_flight";
    case Phase::Commit: return "commit";
  }
  return "connect";
}

pg::SqlstatePolicy DbError::policy() const {
  if (!error.sqlstate.empty()) return pg::sqlstate_policy(error.sqlstate);
  switch (error.code) {
    case ErrorCode::ConnectionFailed:
    case ErrorCode::PoolExhausted:
      return {.kind = pg::SqlstateClass::NothingExecuted,
              .retry = pg::SqlstateRetry::Yes,
              .connection = pg::ConnectionFate::NextHost,
              .effect = pg::TransactionEffect::NotApplied};
    case ErrorCode::ConnectionLost:
    case ErrorCode::TimedOut: return pg::sqlstate_policy("");
    default: return {};
  }
}

std::string DbError::message() const {
  std::string text = host.empty() ? error.message() : host + ": " + error.message();
  text += outcome == Outcome::NotApplied ? "; not applied"
          : outcome == Outcome::Applied  ? "; applied"
                                         : "; outcome unknown";
  if (attempts > 1) text += fmt::format(", attempt {}", attempts);
  return text;
}

Error to_error(DbError error) {
  Error plain_error = std::move(error.error);
  if (!error.host.empty()) plain_error.context.push_back(error.host);
  if (error.outcome == Outcome::Unknown && error.phase == Phase::Commit)
    plain_error.hint_override = "Check whether the work is there before doing it again.";
  return plain_error;
}

ErrorCode error_code_for(std::string_view sqlstate, Phase phase) {
  if (sqlstate.starts_with("28")) return ErrorCode::AuthFailed;
  if (phase == Phase::Connect)
    return sqlstate == pg::sqlstate::kInvalidCatalogName ? ErrorCode::NotFound
                                                         : ErrorCode::ConnectionFailed;
  if (sqlstate.empty() || sqlstate.starts_with("08")) return ErrorCode::ConnectionLost;
  const auto kind = pg::sqlstate_policy(sqlstate).kind;
  return kind == pg::SqlstateClass::SessionKilled ? ErrorCode::ConnectionLost : ErrorCode::Query;
}

}  // namespace pgkeel::client
