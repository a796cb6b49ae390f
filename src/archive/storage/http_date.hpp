// The dates of HTTP headers: "Sat, 21 Nov 2026 10:04:05 GMT" (RFC 9110, 5.6.7; the obsolete forms
// are not read).
#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace pgkeel::archive {

[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace pgkeel::archive
