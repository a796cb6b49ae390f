// When to try again and how often: full jitter, a token bucket against retry storms, and the rule
// that decides. Pure: randomness and time come in as arguments.
// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
// Token bucket: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
#pragma once

#include <set>
#include <string_view>

#include "client/error.hpp"

namespace pgkeel::client {

/// A fifth try has about 2 s behind it; a fault that outlasts it is for the caller's own patience.
inline constexpr int kAttemptsMax = 5;

struct Backoff {
  Millis base{20};
  Millis cap{500};
};

/// random(0, min(cap, base * 2^(attempt - 1))), with `attempt` the one that failed (from 1) and
/// `unit` a random number in [0, 1).
[[nodiscard]] Millis full_jitter(const Backoff& backoff, int attempt, double unit);

/// Shared by the calls against one server: while more than half of the recent ones fail, nobody
/// retries, because retries would be most of the load.
class RetryBudget {
 public:
  static constexpr double kTokensMax = 10.0;
  static constexpr double kFailureCost = 1.0;
  static constexpr double kSuccessGain = 0.1;

  void on_success();
  void on_failure();
  [[nodiscard]] bool allows_retry() const { return tokens_ > kTokensMax / 2; }
  [[nodiscard]] double tokens() const { return tokens_; }

 private:
  double tokens_ = kTokensMax;
};

/// Whether running the work twice does the same as running it once.
enum class Repeatable { OnlyIfNotApplied, Idempotent };

struct RetryRules {
  int attempts = kAttemptsMax;  ///< at most kAttemptsMax are made
  Backoff backoff = {};
  Repeatable repeatable = Repeatable::OnlyIfNotApplied;
  /// Classes whose policy is OptIn (MaybeRollback, Resource) that this caller wants retried.
  std::set<pg::SqlstateClass> opt_in = {};
};

enum class RetryVerdict {
  Again,
  NotRetryable,    ///< the error would come back, or says something the caller must handle
  OutcomeUnknown,  ///< it may have been applied: asking again could do it twice
  AttemptsUsedUp,
  BudgetUsedUp,
};
[[nodiscard]] std::string_view to_string(RetryVerdict verdict);

/// The rule, for an error met in attempt `attempt` (from 1).
[[nodiscard]] RetryVerdict decide_retry(const DbError& error, const RetryRules& rules, int attempt,
                                        const RetryBudget* budget);

}  // namespace pgkeel::client
