// See retry.hpp.
#include "client/retry.hpp"

#include <random>

#include "base/log.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

// A failed transaction rolls back in a millisecond, or the connection is not worth keeping.
constexpr Millis kRollbackPatience{500};

double random_unit() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(source);
}

}  // namespace

RetryRun::RetryRun(runtime::Loop& loop, RetryRules rules, Limit limit, RetryBudget* budget)
    : loop_(&loop),
      rules_(std::move(rules)),
      limit_(std::move(limit)),
      budget_(budget),
      began_(loop.now()) {}

void RetryRun::succeeded() {
  if (budget_ != nullptr) budget_->on_success();
}

Task<bool> RetryRun::again_after(DbError* error) {
  if (budget_ != nullptr) budget_->on_failure();
  error->attempts = attempt_;
  error->elapsed = std::chrono::duration_cast<Millis>(loop_->now() - began_);
  if (decide_retry(*error, rules_, attempt_, budget_) != RetryVerdict::Again) co_return false;
  const SteadyTime when = loop_->after(full_jitter(rules_.backoff, attempt_, random_unit()));
  if (when >= limit_.deadline) co_return false;
  const auto slept = co_await loop_->sleep_until(when, limit_.stop);
  if (!slept) co_return false;
  ++attempt_;
  co_return true;
}

Task<DbResult<CommitReport>> commit_and_settle(Pool* pool, Transaction* transaction, Limit limit,
                                               Millis settle_extra) {
  auto committed = co_await transaction->commit(limit);
  if (committed && committed->confirmation == Confirmation::LocalOnly)
    log_warning("a commit is on the primary only: the wait for its standbys was cut short");
  if (committed || committed.error().outcome != Outcome::Unknown || !committed.error().proof)
    co_return committed;
  const CommitProof proof = *committed.error().proof;
  const Limit settle = limit.with_deadline(limit.deadline >= runtime::kNever - settle_extra
                                               ? limit.deadline
                                               : limit.deadline + settle_extra);
  const auto verdict = co_await resolve_commit(&pool->loop(), pool->conninfo(), proof, settle);
  log_info("a commit whose answer was lost is settled", {{"xid", to_string(proof.xid)},
                                                         {"outcome", to_string(verdict.outcome)},
                                                         {"reason", verdict.reason}});
  if (verdict.outcome == Outcome::Applied)
    co_return CommitReport{.confirmation = Confirmation::Proven, .xid = proof.xid};
  committed.error().outcome = verdict.outcome;
  co_return committed;
}

Task<void> roll_back_quietly(Pool* pool, Transaction* transaction) {
  if (!transaction->open() || !transaction->connection().usable()) co_return;
  static_cast<void>(co_await transaction->rollback(pool->loop().after(kRollbackPatience)));
}

}  // namespace pgkeel::client
