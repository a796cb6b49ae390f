// Base64 as RFC 5802 wants it: the standard alphabet, padded, no white space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace pgkeel::pg {

[[nodiscard]] std::string to_base64(ByteSpan bytes);
/// Nothing when it is not base64 to its last character.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace pgkeel::pg
