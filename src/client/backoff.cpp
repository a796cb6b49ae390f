// See backoff.hpp.
#include "client/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace pgkeel::client {
namespace {

// Beyond this the cap has long been reached; keeps the shift in range.
constexpr int kDoublingsMax = 20;

// Errors that no second try can change, whatever the SQLSTATE policy thinks of them.
bool is_final(const DbError& error) {
  switch (error.error.code) {
    case ErrorCode::Cancelled:
    case ErrorCode::AuthFailed:
    case ErrorCode::NotFound:
    case ErrorCode::WrongState:
    case ErrorCode::NotSupported: return true;
    default: return false;
  }
}

}  // namespace

Millis full_jitter(const Backoff& backoff, int attempt, double unit) {
  const int doublings = std::clamp(attempt - 1, 0, kDoublingsMax);
  const Millis ceiling =
      std::min(backoff.cap, backoff.base * (Millis::rep{1} << static_cast<unsigned>(doublings)));
  return Millis(static_cast<Millis::rep>(std::floor(static_cast<double>(ceiling.count()) * unit)));
}

void RetryBudget::on_success() { tokens_ = std::min(kTokensMax, tokens_ + kSuccessGain); }

void RetryBudget::on_failure() { tokens_ = std::max(0.0, tokens_ - kFailureCost); }

std::string_view to_string(RetryVerdict verdict) {
  switch (verdict) {
    case RetryVerdict::Again: return "again";
    case RetryVerdict::NotRetryable: return "not_retryable";
    case RetryVerdict::OutcomeUnknown: return "outcome_unknown";
    case RetryVerdict::AttemptsUsedUp: return "attempts_used_up";
    case RetryVerdict::BudgetUsedUp: return "budget_used_up";
  }
  return "not_retryable";
}

RetryVerdict decide_retry(const DbError& error, const RetryRules& rules, int attempt,
                          const RetryBudget* budget) {
  if (error.outcome == Outcome::Applied || is_final(error)) return RetryVerdict::NotRetryable;
  const pg::SqlstatePolicy policy = error.policy();
  const bool idempotent = rules.repeatable == Repeatable::Idempotent;
  if (error.outcome == Outcome::Unknown && !idempotent) return RetryVerdict::OutcomeUnknown;
  switch (policy.retry) {
    case pg::SqlstateRetry::Yes:
    case pg::SqlstateRetry::IfCommitUnsent: break;
    case pg::SqlstateRetry::OptIn:
      if (!rules.opt_in.contains(policy.kind)) return RetryVerdict::NotRetryable;
      break;
    case pg::SqlstateRetry::No:
      // 40003 and 08007 are "No" because the outcome is open; for idempotent work it need not be.
      if (policy.kind != pg::SqlstateClass::Ambiguous || !idempotent)
        return RetryVerdict::NotRetryable;
      break;
    case pg::SqlstateRetry::OncePrepared: return RetryVerdict::NotRetryable;
  }
  if (attempt >= std::min(rules.attempts, kAttemptsMax)) return RetryVerdict::AttemptsUsedUp;
  if (budget != nullptr && !budget->allows_retry()) return RetryVerdict::BudgetUsedUp;
  return RetryVerdict::Again;
}

}  // namespace pgkeel::client
