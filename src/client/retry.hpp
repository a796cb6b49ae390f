// Doing work again when that is safe, and only then. with_retry() is for any call; transact() runs
// a whole transaction on a pooled connection, proves the outcome of a lost COMMIT where it can, and
// runs the work again from its beginning when nothing of it was applied.
// It guarantees: one deadline over all attempts; at most kAttemptsMax of them; work whose outcome
// is Unknown is never run again unless the caller called it idempotent.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "client/backoff.hpp"
#include "client/pool.hpp"
#include "client/transaction.hpp"

namespace pgkeel::client {

/// The state of one piece of work over its attempts.
class RetryRun {
 public:
  RetryRun(runtime::Loop& loop, RetryRules rules, Limit limit, RetryBudget* budget);

  /// True after having waited out the backoff: try again. False: `error` is final and has the
  /// number of attempts and the time spent.
  runtime::Task<bool> again_after(DbError* error);
  void succeeded();

 private:
  runtime::Loop* loop_;
  RetryRules rules_;
  Limit limit_;
  RetryBudget* budget_;
  SteadyTime began_;
  int attempt_ = 1;
};

template <class Work>
concept Retryable = requires(Work& work) {
  { work().await_ready() } -> std::same_as<bool>;
};

/// Runs `work()` (a function that returns Task<DbResult<T>>) until it succeeds or must not be tried
/// again. `budget` may be null and must outlive the call.
template <class Work>
auto with_retry(runtime::Loop* loop, RetryRules rules, Limit limit, Work work,
                RetryBudget* budget = nullptr) -> std::invoke_result_t<Work&> {
  RetryRun run(*loop, std::move(rules), std::move(limit), budget);
  while (true) {
    auto result = co_await work();
    if (result) {
      run.succeeded();
      co_return result;
    }
    const bool again = co_await run.again_after(&result.error());
    if (!again) co_return result;
  }
}

struct TransactOptions {
  RetryRules retry = {};
  TransactionOptions transaction = {};
  /// Time beyond the deadline that may be spent on learning whether a lost COMMIT was applied.
  Millis settle_extra{0};
  RetryBudget* budget = nullptr;   ///< outlives the call
  CommitReport* report = nullptr;  ///< filled on success; outlives the call
};

/// Commits, and when the answer is lost asks a new session what became of it. Success is a commit
/// that is known to be applied; the error's outcome is what is known otherwise.
runtime::Task<DbResult<CommitReport>> commit_and_settle(Pool* pool, Transaction* transaction,
                                                        Limit limit, Millis settle_extra);
/// Ends a failed transaction within a short time, so that its connection may stay in the pool.
runtime::Task<void> roll_back_quietly(Pool* pool, Transaction* transaction);

/// One attempt of transact().
template <class Work>
auto transact_once(Pool* pool, const TransactOptions* options, Limit limit, Work* work,
                   std::source_location where) -> std::invoke_result_t<Work&, Transaction&> {
  auto lease = co_await pool->acquire(limit, where);
  if (!lease) co_return fail(std::move(lease).error());
  auto transaction = co_await Transaction::begin(&**lease, options->transaction, limit);
  if (!transaction) co_return fail(std::move(transaction).error());
  auto result = co_await (*work)(*transaction);
  if (!result) {
    if (transaction->open()) result.error().outcome = Outcome::NotApplied;
    co_await roll_back_quietly(pool, &*transaction);
    co_return result;
  }
  const auto committed =
      co_await commit_and_settle(pool, &*transaction, limit, options->settle_extra);
  if (!committed) co_return fail(committed.error());
  if (options->report != nullptr) *options->report = *committed;
  co_return result;
}

/// Runs `work(Transaction&)` (a function that returns Task<DbResult<T>>) in a transaction of its
/// own and commits. `work` may run several times, each time from the start in a new transaction, so
/// it keeps nothing from one run to the next.
template <class Work>
auto transact(Pool* pool, TransactOptions options, Limit limit, Work work,
              std::source_location where = std::source_location::current())
    -> std::invoke_result_t<Work&, Transaction&> {
  RetryRun run(pool->loop(), options.retry, limit, options.budget);
  while (true) {
    auto result = co_await transact_once(pool, &options, limit, &work, where);
    if (result) {
      run.succeeded();
      co_return result;
    }
    const bool again = co_await run.again_after(&result.error());
    if (!again) co_return result;
  }
}

}  // namespace pgkeel::client
