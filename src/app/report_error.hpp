// An error on its way out of the process: two lines on stderr for people, or one JSON object on
// stdout where the caller asked for JSON and reads stdout.
#pragma once

#include <string>

#include "base/error.hpp"

namespace pgkeel::app {

enum class ErrorForm { Text, Json };

/// `{"code":...,"message":...,"hint":...,"exit":...}`.
[[nodiscard]] std::string error_json(const Error& error);
/// "pgkeel: ...\nHINT: ...\n".
[[nodiscard]] std::string error_text(const Error& error);
/// Prints it and returns the exit code it has.
int report_error(const Error& error, ErrorForm form);

}  // namespace pgkeel::app
