// The error table made into an array, and the few operations on an Error.
#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pgkeel {
namespace {

constexpr auto kErrorTable = std::to_array<ErrorInfo>({
#define PGKEEL_ERROR(enumerator, name, exit_number, retry, hint) \
  {ErrorCode::enumerator, name, exit_number, Retry::retry, hint},
#include "base/error_table.inc"
#undef PGKEEL_ERROR
});

ErrorCode code_for_errno(int err) {
  switch (err) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::DiskFull;
    case EACCES:
    case EPERM: return ErrorCode::Permission;
    case ENOENT: return ErrorCode::NotFound;
    case ETIMEDOUT: return ErrorCode::TimedOut;
    default: return ErrorCode::Io;
  }
}

}  // namespace

const ErrorInfo& error_info(ErrorCode code) { return kErrorTable.at(std::to_underlying(code)); }

std::span<const ErrorInfo> error_table() { return kErrorTable; }

Error Error::from_errno(int err, std::string_view what) {
  char buffer[128];
  // The GNU form returns the text; it may or may not use the buffer.
  const char* text = strerror_r(err, buffer, sizeof buffer);
  Error error(code_for_errno(err), std::string(what) + ": " + text);
  error.sys_errno = err;
  if (error.code == ErrorCode::NotFound) error.hint_override = "Check that the path exists.";
  return error;
}

Error Error::with_context(std::string_view where) && {
  context.emplace_back(where);
  return std::move(*this);
}

Error Error::with_hint(std::string_view text) && {
  hint_override = text;
  return std::move(*this);
}

std::string_view Error::hint() const {
  return hint_override.empty() ? error_info(code).hint : std::string_view(hint_override);
}

std::string Error::message() const {
  std::string text;
  for (auto it = context.rbegin(); it != context.rend(); ++it) text += *it + ": ";
  text += detail.empty() ? std::string(name()) : detail;
  if (!sqlstate.empty()) text += " (SQLSTATE " + sqlstate + ")";
  return text;
}

}  // namespace pgkeel
