// Reading JSON that came from elsewhere without ever throwing: what is absent or of another type
// reads as empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::app {

using Json = nlohmann::ordered_json;

/// Malformed when it is not JSON.
[[nodiscard]] Result<Json> parse_json(std::string_view text);
/// One line, bytes that are not UTF-8 replaced.
[[nodiscard]] std::string to_line(const Json& json);

/// The member, or a null value.
[[nodiscard]] const Json& member(const Json& object, std::string_view key);
/// Text with control characters made visible; empty when there is none.
[[nodiscard]] std::string text_of(const Json& object, std::string_view key);
[[nodiscard]] std::optional<std::int64_t> number_of(const Json& object, std::string_view key);
[[nodiscard]] std::optional<double> ratio_of(const Json& object, std::string_view key);
[[nodiscard]] bool flag_of(const Json& object, std::string_view key);
[[nodiscard]] std::optional<WallTime> time_of(const Json& object, std::string_view key);

}  // namespace pgkeel::app
