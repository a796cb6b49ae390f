// What went wrong, in a form that a program can act on and a person can read.
// Every code has a stable name, an exit number, a hint and whether a retry may help; they live in
// error_table.inc and nowhere else. An Error never carries a secret.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel {

enum class ErrorCode : std::uint8_t {
#define PGKEEL_ERROR(enumerator, name, exit_number, retry, hint) enumerator,
#include "base/error_table.inc"
#undef PGKEEL_ERROR
};

enum class Retry : std::uint8_t { No, Yes };

/// One row of the error table.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  ///< stable, snake_case; used in JSON and logs
  int exit_number;        ///< process exit code, docs/reference/exit-codes.md
  Retry retry;            ///< whether the same call may succeed later unchanged
  std::string_view hint;  ///< one sentence: what to do next
};

/// The row of `code`. Never fails.
[[nodiscard]] const ErrorInfo& error_info(ErrorCode code);
/// The whole table, in declaration order; docs and `pgkeel help` are made from it.
[[nodiscard]] std::span<const ErrorInfo> error_table();

/// An error on its way up. `detail` says what failed and on what, lower case, without a period.
struct Error {
  ErrorCode code = ErrorCode::Failed;
  std::string detail;
  std::vector<std::string> context;  ///< outermost last: "start server", "recover incident 3"
  std::string sqlstate;              ///< five characters when a server said it, else empty
  int sys_errno = 0;                 ///< errno when a system call said it, else 0
  std::string hint_override;         ///< replaces the table's hint where the place knows better

  Error() = default;
  Error(ErrorCode c, std::string d) : code(c), detail(std::move(d)) {}

  /// From a failed system call: detail is "<what>: <strerror>"; ENOSPC, EACCES, EPERM, EDQUOT and
  /// ENOENT choose a narrower code than Io.
  [[nodiscard]] static Error from_errno(int err, std::string_view what);

  [[nodiscard]] Error with_context(std::string_view where) &&;
  [[nodiscard]] Error with_hint(std::string_view hint) &&;

  [[nodiscard]] std::string_view name() const { return error_info(code).name; }
  [[nodiscard]] int exit_number() const { return error_info(code).exit_number; }
  [[nodiscard]] bool retryable() const { return error_info(code).retry == Retry::Yes; }
  [[nodiscard]] std::string_view hint() const;
  /// "recover incident 3: start server: could not bind 127.0.0.1:5432".
  [[nodiscard]] std::string message() const;
};

}  // namespace pgkeel
