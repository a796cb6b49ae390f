// Result<T> is the return type of everything that can fail; exceptions stop at the edge of the
// third-party library that throws them and never cross a room.
// TRY and CO_TRY unwrap or pass the error on; CO_TRY is a statement because a co_await inside a
// larger expression is fragile in present compilers.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace pgkeel {

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::Refused, "...")` in any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string detail) {
  return std::unexpected<Error>(std::in_place, code, std::move(detail));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
[[nodiscard]] inline std::unexpected<Error> fail_errno(int err, std::string_view what) {
  return std::unexpected<Error>(Error::from_errno(err, what));
}

}  // namespace pgkeel

#define PGKEEL_CONCAT_(a, b) a##b
#define PGKEEL_CONCAT(a, b) PGKEEL_CONCAT_(a, b)

/// TRY(name, expression): declares `name` from a Result<T>, or returns its error.
#define TRY(name, expression)                                                \
  auto PGKEEL_CONCAT(name, _result_) = (expression);                         \
  if (!PGKEEL_CONCAT(name, _result_))                                        \
    return ::pgkeel::fail(std::move(PGKEEL_CONCAT(name, _result_)).error()); \
  auto&& name = *std::move(PGKEEL_CONCAT(name, _result_))

/// TRY_VOID(expression): the same for a Result<void> (or a value nobody needs).
#define TRY_VOID(expression)                                                 \
  do {                                                                       \
    auto try_result_ = (expression);                                         \
    if (!try_result_) return ::pgkeel::fail(std::move(try_result_).error()); \
  } while (false)

/// CO_TRY(name, co_await ...): TRY for coroutines.
#define CO_TRY(name, expression)                                                \
  auto PGKEEL_CONCAT(name, _result_) = expression;                              \
  if (!PGKEEL_CONCAT(name, _result_))                                           \
    co_return ::pgkeel::fail(std::move(PGKEEL_CONCAT(name, _result_)).error()); \
  auto&& name = *std::move(PGKEEL_CONCAT(name, _result_))

#define CO_TRY_VOID(expression)                                                 \
  do {                                                                          \
    auto try_result_ = expression;                                              \
    if (!try_result_) co_return ::pgkeel::fail(std::move(try_result_).error()); \
  } while (false)
