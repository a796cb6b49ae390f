// The target of a request line: path and query, percent-encoded (RFC 3986). Pure. Private to the
// room.
#pragma once

#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace pgkeel::runtime::detail {

/// "/a%20b?x=1&y" (or the absolute form a proxy sends) into path and query; of a repeated key the
/// last value stays. False when it is no path, or an escape is broken or hides a NUL.
[[nodiscard]] bool parse_target(std::string_view target, HttpRequest& request);

/// The other way round.
[[nodiscard]] std::string write_target(const HttpRequest& request);

}  // namespace pgkeel::runtime::detail
