// The end of a log, through the guard, or from its file while none runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// The last `count` lines of "postgres", "guard" or "gateway", oldest first.
[[nodiscard]] Result<std::vector<std::string>> read_log(const Config& config,
                                                        std::string_view source, std::size_t count);

/// What `now` has behind the lines that were `seen`: two looks at the end of one growing log. All
/// of `now` when they do not overlap.
[[nodiscard]] std::vector<std::string> lines_after(const std::vector<std::string>& seen,
                                                   const std::vector<std::string>& now);

}  // namespace pgkeel::app
