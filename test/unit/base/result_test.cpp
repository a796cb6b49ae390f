// TRY and fail(): values pass, errors leave at once.
#include "base/result.hpp"

#include <gtest/gtest.h>
#include <cerrno>
#include <memory>

namespace pgkeel {
namespace {

Result<std::unique_ptr<int>> made(int value) {
  if (value < 0) return fail(ErrorCode::Refused, "negative");
  return std::make_unique<int>(value);
}

Result<int> sum(int a, int b) {
  TRY(first, made(a));
  TRY(second, made(b));
  return *first + *second;
}

Result<void> checked(int value) {
  TRY_VOID(made(value));
  return {};
}

TEST(Result, try_unwraps_move_only_values) {
  // Goal: two TRYs in one function, of a type that cannot be copied.
  EXPECT_EQ(sum(2, 3), 5);
}

TEST(Result, try_returns_the_first_error) {
  // Goal: the error arrives unchanged, whatever the function returns.
  EXPECT_EQ(sum(2, -1).error().code, ErrorCode::Refused);
  EXPECT_EQ(checked(-1).error().detail, "negative");
  EXPECT_TRUE(checked(1).has_value());
}

TEST(Result, fail_errno_carries_the_number) {
  // Goal: a failed system call is an Error in one step.
  const Result<> result = fail_errno(ENOSPC, "write wal");
  EXPECT_EQ(result.error().code, ErrorCode::DiskFull);
  EXPECT_EQ(result.error().sys_errno, ENOSPC);
}

}  // namespace
}  // namespace pgkeel
