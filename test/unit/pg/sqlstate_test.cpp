// The retry policy, row by row of the reference (client-resilience C2).
#include "pg/sqlstate.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace pgkeel::pg {
namespace {

void expect_kind(const std::vector<std::string_view>& codes, SqlstateClass kind,
                 SqlstateRetry retry) {
  for (const auto code : codes) {
    EXPECT_EQ(sqlstate_policy(code).kind, kind) << code << " " << to_string(kind);
    EXPECT_EQ(sqlstate_policy(code).retry, retry) << code;
  }
}

TEST(SqlstatePolicy, follows_the_reference) {
  // Goal: B3 B7: each row of the table, codes and action.
  using enum SqlstateClass;
  using Retry = SqlstateRetry;
  expect_kind({"40001", "40P01"}, DefiniteRollback, Retry::Yes);
  expect_kind({"23505", "23P01"}, MaybeRollback, Retry::OptIn);
  expect_kind({"57P03", "53300", "08001", "08004"}, NothingExecuted, Retry::Yes);
  expect_kind({"57P01", "57P02", "57P05", "25P03", "08003", "08006", "08000"}, SessionKilled,
              Retry::IfCommitUnsent);
  expect_kind({"55P03"}, LockWait, Retry::Yes);
  expect_kind({"25006"}, WrongNode, Retry::Yes);
  expect_kind({"26000", "0A000"}, StalePlan, Retry::OncePrepared);
  expect_kind({"08007", "40003"}, Ambiguous, Retry::No);
  expect_kind({"53000", "53100", "53200", "53400", "58000", "58030", "55000", "55006"}, Resource,
              Retry::OptIn);
  expect_kind({"57014", "22012", "23503", "28P01", "42P01", "3D000", "XX001"}, Never, Retry::No);
}

TEST(SqlstatePolicy, only_an_unclear_commit_is_unknown) {
  // Goal: B13: the outcome never claims "not applied" where the server may have committed.
  EXPECT_EQ(sqlstate_policy("08007").effect, TransactionEffect::Unknown);
  EXPECT_EQ(sqlstate_policy("40003").effect, TransactionEffect::Unknown);
  EXPECT_EQ(sqlstate_policy("57P01").effect, TransactionEffect::UnknownIfCommitSent);
  EXPECT_EQ(sqlstate_policy("08P01").effect, TransactionEffect::UnknownIfCommitSent);
  EXPECT_EQ(sqlstate_policy("40001").effect, TransactionEffect::NotApplied);
}

TEST(SqlstatePolicy, a_broken_connection_is_never_kept) {
  // Goal: the pool hands out no connection that a code has condemned.
  for (const auto* code : {"08006", "57P01", "57P02", "08P01", "57P04", "28P01", ""})
    EXPECT_NE(sqlstate_policy(code).connection, ConnectionFate::Keep) << code;
  for (const auto* code : {"40001", "23505", "42P01", "57014", "55P03"})
    EXPECT_EQ(sqlstate_policy(code).connection, ConnectionFate::Keep) << code;
  EXPECT_EQ(sqlstate_policy("25006").connection, ConnectionFate::NextHost);
}

TEST(SqlstatePolicy, silence_is_a_killed_session_and_garbage_is_never_retried) {
  // Goal: no answer at all is handled; what is no code is not guessed at.
  EXPECT_EQ(sqlstate_policy("").kind, SqlstateClass::SessionKilled);
  for (const auto* text : {"4000", "400011", "40p01", "08 06", "?????"})
    EXPECT_EQ(sqlstate_policy(text), SqlstatePolicy{}) << text;
  EXPECT_EQ(sqlstate_policy("00000").kind, SqlstateClass::Success);
}

TEST(SqlstateName, is_the_condition_of_the_appendix) {
  // Goal: reports name codes; what has no name has none.
  EXPECT_EQ(sqlstate_name("40P01"), "deadlock_detected");
  EXPECT_EQ(sqlstate_name("00000"), "successful_completion");
  EXPECT_EQ(sqlstate_name("XX002"), "index_corrupted");
  EXPECT_EQ(sqlstate_name("SX042"), "");
  EXPECT_EQ(sqlstate_name(""), "");
}

}  // namespace
}  // namespace pgkeel::pg
