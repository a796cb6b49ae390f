// Why a command of our own, run as a job of the guard, did not do what it was to do.
#pragma once

#include <string>

#include "runtime/process.hpp"

namespace pgkeel::app {

/// What it said: its error object or the "failure" of its result, else the first line it wrote,
/// else how it ended. Never empty.
[[nodiscard]] std::string job_failure(const Result<runtime::ProcessOutput>& ran);

}  // namespace pgkeel::app
