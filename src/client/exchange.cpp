// See exchange.hpp. PQgetResult is always called until it has nothing more, and the first SQLSTATE
// is kept: for a killed session libpq reports the server's reason first and then its own "server
// closed the connection unexpectedly", which has no code.
#include "client/exchange.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

// TLS may hold decrypted bytes the socket no longer shows; libpq is asked again this often.
constexpr Millis kTlsSlice{50};
// Between two cancels of one statement.
constexpr Millis kCancelAgain{60};
constexpr std::size_t kErrorTextBytesMax = 4096;

/// Everything the server said to one exchange.
struct Answer {
  ResultPtr last;         ///< of the last statement that succeeded
  ResultPtr first_error;  ///< the first one with a SQLSTATE, else the first one
  std::size_t results = 0;
  bool closed_transaction = false;  ///< some statement ended a transaction by itself
  bool copy = false;
};

// The first line: libpq's further lines only guess at the cause.
std::string_view trimmed(std::string_view text) {
  return text.substr(0, std::min(text.find('\n'), kErrorTextBytesMax));
}

std::string pq_error(const Session& session) {
  return std::string(trimmed(PQerrorMessage(session.pq.get())));
}

Task<Result<void>> flush(Session* session, Limit limit) {
  while (true) {
    const int state = PQflush(session->pq.get());
    if (state == 0) co_return Result<void>();
    if (state < 0) co_return fail(ErrorCode::ConnectionLost, pq_error(*session));
    const auto ready = co_await session->loop->wait_readable_or_writable(
        PQsocket(session->pq.get()), limit.deadline, limit.stop);
    if (!ready) co_return fail(ready.error());
    if (PQconsumeInput(session->pq.get()) == 0)
      co_return fail(ErrorCode::ConnectionLost, pq_error(*session));
  }
}

SteadyTime wait_until(const Session& session, const Limit& limit) {
  if (PQsslInUse(session.pq.get()) == 0) return limit.deadline;
  return std::min(limit.deadline, SteadyClock::now() + kTlsSlice);
}

// Ends when PQgetResult would not block.
Task<Result<void>> await_result(Session* session, Limit limit) {
  PGconn* const pq = session->pq.get();
  while (PQisBusy(pq) != 0) {
    const SteadyTime until = wait_until(*session, limit);
    const auto ready = co_await session->loop->wait_readable(PQsocket(pq), until, limit.stop);
    const bool slice_over =
        !ready && ready.error().code == ErrorCode::TimedOut && until < limit.deadline;
    if (!ready && !slice_over) co_return fail(ready.error());
    // After a loss libpq has closed its socket, and PQgetResult gives the error without waiting.
    if (PQconsumeInput(pq) == 0 && PQsocket(pq) < 0) co_return Result<void>();
  }
  co_return Result<void>();
}

bool has_sqlstate(const PGresult* result) { return !diagnostic(result, PG_DIAG_SQLSTATE).empty(); }

bool ends_transaction(std::string_view tag) {
  return tag == "COMMIT" || tag == "PREPARE TRANSACTION";
}

void file_result(Answer& answer, ResultPtr result) {
  ++answer.results;
  switch (PQresultStatus(result.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      answer.closed_transaction |= ends_transaction(PQcmdStatus(result.get()));
      answer.last = std::move(result);
      break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH: answer.copy = true; break;
    default:
      if (!answer.first_error ||
          (!has_sqlstate(answer.first_error.get()) && has_sqlstate(result.get())))
        answer.first_error = std::move(result);
  }
}

// TimedOut or Cancelled when the limit came first; what was collected stays in `answer`.
Task<Result<void>> collect(Session* session, Answer* answer, Limit limit) {
  while (!answer->copy) {
    const auto ready = co_await await_result(session, limit);
    if (!ready) co_return fail(ready.error());
    ResultPtr result(PQgetResult(session->pq.get()));
    if (!result) break;
    file_result(*answer, std::move(result));
  }
  co_return Result<void>();
}

Outcome outcome_of(const Answer& answer, std::string_view severity,
                   const pg::SqlstatePolicy& policy) {
  // Earlier statements of the same string may have been committed by a COMMIT among them.
  if (answer.closed_transaction) return Outcome::Unknown;
  if (policy.effect == pg::TransactionEffect::Unknown) return Outcome::Unknown;
  if (severity == "ERROR") return Outcome::NotApplied;
  return policy.effect == pg::TransactionEffect::NotApplied &&
                 policy.kind == pg::SqlstateClass::NothingExecuted
             ? Outcome::NotApplied
             : Outcome::Unknown;
}

DbError server_error(Session& session, const Answer& answer, Phase phase) {
  const PGresult* const result = answer.first_error.get();
  const std::string_view sqlstate = diagnostic(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty())
    return lost_error(session, std::string(trimmed(PQresultErrorMessage(result))), phase,
                      Outcome::Unknown);
  DbError error;
  error.error.code = error_code_for(sqlstate, phase);
  error.error.detail = trimmed(diagnostic(result, PG_DIAG_MESSAGE_PRIMARY));
  error.error.sqlstate = sqlstate;
  error.error.hint_override = trimmed(diagnostic(result, PG_DIAG_MESSAGE_HINT));
  error.constraint = diagnostic(result, PG_DIAG_CONSTRAINT_NAME);
  error.host = session.host;
  error.phase = phase;
  error.outcome = outcome_of(answer, diagnostic(result, PG_DIAG_SEVERITY_NONLOCALIZED),
                             pg::sqlstate_policy(sqlstate));
  return error;
}

void remember_fate(Session& session, const DbError& error) {
  session.fate = std::max(session.fate, error.policy().connection);
  if (!session.usable()) session.close();
}

DbResult<Rows> judge(Session& session, Answer answer, Phase phase) {
  if (answer.copy) {
    session.close();
    DbError error = lost_error(session, "COPY is not supported here", phase, Outcome::NotApplied);
    error.error.code = ErrorCode::NotSupported;
    return fail(std::move(error));
  }
  if (!answer.first_error) return Rows(answer.last.release());
  DbError error = server_error(session, answer, phase);
  remember_fate(session, error);
  return fail(std::move(error));
}

DbError give_up(Session& session, Error why, Phase phase, Outcome outcome) {
  session.close();
  session.fate = std::max(session.fate, pg::ConnectionFate::Evict);
  DbError error = lost_error(session, why.detail, phase, outcome);
  error.error.code = why.code;
  return error;
}

// A cancel that overtakes its statement finds an idle backend and is lost, so it is repeated.
Task<Result<void>> cancel_and_collect(Session* session, Answer* answer) {
  const SteadyTime end = session->loop->after(kCancelGrace);
  Result<void> collected;
  do {
    const Limit slice(std::min(end, session->loop->after(kCancelAgain)));
    co_await send_cancel(session->loop, PQsocket(session->pq.get()), session->cancel_key, slice);
    static_cast<void>(PQconsumeInput(session->pq.get()));
    collected = co_await collect(session, answer, slice);
  } while (!collected && session->loop->now() < end);
  co_return collected;
}

// The limit ended the wait. What the server says within the grace still counts, success included.
Task<DbResult<Rows>> cancel_and_judge(Session* session, Answer answer, Error why, Phase phase) {
  const auto collected = co_await cancel_and_collect(session, &answer);
  if (!collected) co_return fail(give_up(*session, std::move(why), phase, Outcome::Unknown));
  auto judged = judge(*session, std::move(answer), phase);
  if (!judged && judged.error().sqlstate() == pg::sqlstate::kQueryCanceled) {
    judged.error().error.code = why.code;
    judged.error().error.detail = why.detail;
  }
  co_return judged;
}

Error words_for(Error why) {
  why.detail = why.code == ErrorCode::Cancelled ? "the statement was stopped by the caller"
                                                : "no answer from the server within the time given";
  return why;
}

// libpq refused to send: the connection broke, or the call was wrong (too many parameters).
DbError unsent_error(Session& session) {
  DbError error = lost_error(session, pq_error(session), Phase::BeforeSend, Outcome::NotApplied);
  if (session.usable()) error.error.code = ErrorCode::Query;
  else session.close();
  return error;
}

Task<DbResult<Rows>> exchange(Session* session, int sent, ExchangeOptions options, Limit limit) {
  if (sent == 0) {
    co_return fail(unsent_error(*session));
  }
  const auto flushed = co_await flush(session, limit);
  if (!flushed) {
    // Half a message is in the pipe: the server cannot run it and we cannot take it back.
    Error why = flushed.error().code == ErrorCode::ConnectionLost ? flushed.error()
                                                                  : words_for(flushed.error());
    co_return fail(give_up(*session, std::move(why), Phase::BeforeSend, Outcome::NotApplied));
  }
  Answer answer;
  const auto collected = co_await collect(session, &answer, limit);
  if (collected) co_return judge(*session, std::move(answer), options.phase);
  Error why = words_for(collected.error());
  if (options.at_deadline == AtDeadline::Abandon)
    co_return fail(give_up(*session, std::move(why), options.phase, Outcome::Unknown));
  auto judged =
      co_await cancel_and_judge(session, std::move(answer), std::move(why), options.phase);
  co_return judged;
}

}  // namespace

BusyMark::BusyMark(Session& session) : session_(&session) {
  CHECK(!session.busy);
  session.busy = true;
}

std::optional<DbError> refusal(Session& session, const Limit& limit) {
  if (auto lost = find_loss(session)) return lost;
  const bool stopped = limit.stop.stop_requested();
  if (!stopped && session.loop->now() < limit.deadline) return std::nullopt;
  DbError error = lost_error(session, "", Phase::BeforeSend, Outcome::NotApplied);
  error.error.code = stopped ? ErrorCode::Cancelled : ErrorCode::TimedOut;
  error.error.detail = stopped ? "stopped by the caller before the statement was sent"
                               : "no time was left to send the statement";
  return error;
}

std::optional<DbError> find_loss(Session& session) {
  if (session.absorb_input()) return std::nullopt;
  const bool was_open = session.pq != nullptr;
  session.fate = std::max(session.fate, pg::ConnectionFate::Evict);
  session.close();
  return lost_error(session,
                    was_open ? "the server had ended the session" : "the connection is closed",
                    Phase::BeforeSend, Outcome::NotApplied);
}

DbError lost_error(const Session& session, std::string detail, Phase phase, Outcome outcome) {
  DbError error;
  error.error = Error(ErrorCode::ConnectionLost, std::move(detail));
  error.error.sqlstate = session.farewell;
  error.host = session.host;
  error.phase = phase;
  error.outcome = outcome;
  return error;
}

Task<DbResult<Rows>> finish_exchange(Session* session, int sent, ExchangeOptions options,
                                     Limit limit) {
  const SteadyTime began = session->loop->now();
  auto answer = co_await exchange(session, sent, options, std::move(limit));
  if (!answer)
    answer.error().elapsed = std::chrono::duration_cast<Millis>(session->loop->now() - began);
  co_return answer;
}

}  // namespace pgkeel::client
