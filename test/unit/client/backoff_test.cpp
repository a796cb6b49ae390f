// The retry rule, the backoff and the budget, as pure functions.
#include "client/backoff.hpp"

#include <gtest/gtest.h>

namespace pgkeel::client {
namespace {

DbError error_with(std::string sqlstate, Outcome outcome, Phase phase = Phase::InFlight) {
  DbError error;
  error.error.code = error_code_for(sqlstate, phase);
  error.error.sqlstate = std::move(sqlstate);
  error.outcome = outcome;
  error.phase = phase;
  return error;
}

TEST(FullJitterTest, StaysBelowTheDoublingCeilingAndTheCap) {
  // Goal: B2 - the wait is random below min(cap, base * 2^n), never above the cap, however late.
  const Backoff backoff{.base = Millis(20), .cap = Millis(500)};
  constexpr double kAlmostOne = 0.999999;
  EXPECT_EQ(full_jitter(backoff, 1, 0.0), Millis(0));
  EXPECT_EQ(full_jitter(backoff, 1, kAlmostOne), Millis(19));
  EXPECT_EQ(full_jitter(backoff, 3, 0.5), Millis(40));
  EXPECT_EQ(full_jitter(backoff, 6, kAlmostOne), Millis(499));
  EXPECT_EQ(full_jitter(backoff, 1'000'000, kAlmostOne), Millis(499));
}

TEST(RetryBudgetTest, StopsRetriesWhileMostCallsFail) {
  // Goal: B2 - five failures in a row stop retries; successes bring them back slowly.
  RetryBudget budget;
  for (int failure = 0; failure < 4; ++failure) budget.on_failure();
  EXPECT_TRUE(budget.allows_retry());
  budget.on_failure();
  EXPECT_FALSE(budget.allows_retry());
  for (int success = 0; success < 11; ++success) budget.on_success();
  EXPECT_TRUE(budget.allows_retry());
}

TEST(RetryBudgetTest, NeverLeavesItsBounds) {
  // Goal: B2 - the bucket neither overflows nor goes below zero.
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.on_success();
  EXPECT_DOUBLE_EQ(budget.tokens(), RetryBudget::kTokensMax);
  for (int i = 0; i < 100; ++i) budget.on_failure();
  EXPECT_DOUBLE_EQ(budget.tokens(), 0.0);
}

TEST(DecideRetryTest, RetriesDefiniteRollbacks) {
  // Goal: B2 - serialization failures, deadlocks and lock waits are run again.
  for (const char* code : {"40001", "40P01", "55P03"})
    EXPECT_EQ(decide_retry(error_with(code, Outcome::NotApplied), {}, 1, nullptr),
              RetryVerdict::Again)
        << code;
}

TEST(DecideRetryTest, NeverRetriesDataErrors) {
  // Goal: B2 - connection errors only, never data errors.
  for (const char* code : {"22012", "23502", "23503", "42P01", "42601", "57014", "XX000"})
    EXPECT_EQ(decide_retry(error_with(code, Outcome::NotApplied), {}, 1, nullptr),
              RetryVerdict::NotRetryable)
        << code;
}

TEST(DecideRetryTest, NeverRetriesAnUnknownOutcome) {
  // Goal: X3 - work that may have been applied is not run again unless it is idempotent.
  const DbError lost = error_with("", Outcome::Unknown, Phase::Commit);
  EXPECT_EQ(decide_retry(lost, {}, 1, nullptr), RetryVerdict::OutcomeUnknown);
  EXPECT_EQ(decide_retry(lost, {.repeatable = Repeatable::Idempotent}, 1, nullptr),
            RetryVerdict::Again);
}

TEST(DecideRetryTest, RetriesKilledSessionsWhoseWorkWasNotApplied) {
  // Goal: A3 - a session killed before COMMIT was sent is retried, an applied one is not.
  EXPECT_EQ(decide_retry(error_with("57P01", Outcome::NotApplied), {}, 1, nullptr),
            RetryVerdict::Again);
  EXPECT_EQ(decide_retry(error_with("57P01", Outcome::Applied), {}, 1, nullptr),
            RetryVerdict::NotRetryable);
}

TEST(DecideRetryTest, RetriesRefusedLoginsButNotWrongPasswords) {
  // Goal: B2 - a server that starts up is waited for; a wrong password is not repeated.
  EXPECT_EQ(decide_retry(error_with("57P03", Outcome::NotApplied, Phase::Connect), {}, 1, nullptr),
            RetryVerdict::Again);
  EXPECT_EQ(decide_retry(error_with("", Outcome::NotApplied, Phase::Connect), {}, 1, nullptr),
            RetryVerdict::Again);
  for (const char* code : {"28P01", "28000", "3D000"})
    EXPECT_EQ(decide_retry(error_with(code, Outcome::NotApplied, Phase::Connect), {}, 1, nullptr),
              RetryVerdict::NotRetryable)
        << code;
}

TEST(DecideRetryTest, OptInClassesNeedTheCallersWord) {
  // Goal: B2 - a full disk or a unique violation is retried only where the caller asked for it.
  const DbError full = error_with("53100", Outcome::NotApplied);
  EXPECT_EQ(decide_retry(full, {}, 1, nullptr), RetryVerdict::NotRetryable);
  const RetryRules rules{.opt_in = {pg::SqlstateClass::Resource}};
  EXPECT_EQ(decide_retry(full, rules, 1, nullptr), RetryVerdict::Again);
}

TEST(DecideRetryTest, StopsAtTheAttemptsAndTheBudget) {
  // Goal: B2 - at most five attempts whatever the caller asks, and none without budget.
  const DbError deadlock = error_with("40P01", Outcome::NotApplied);
  EXPECT_EQ(decide_retry(deadlock, {.attempts = 3}, 3, nullptr), RetryVerdict::AttemptsUsedUp);
  EXPECT_EQ(decide_retry(deadlock, {.attempts = 100}, kAttemptsMax, nullptr),
            RetryVerdict::AttemptsUsedUp);
  RetryBudget empty;
  for (int i = 0; i < 10; ++i) empty.on_failure();
  EXPECT_EQ(decide_retry(deadlock, {}, 1, &empty), RetryVerdict::BudgetUsedUp);
}

}  // namespace
}  // namespace pgkeel::client
