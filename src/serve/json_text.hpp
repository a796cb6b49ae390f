// JSON as serve writes it: keys in the order given, bytes that are not UTF-8 replaced instead of
// thrown about, one newline at the end for people with curl. Only .cpp files include this.
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "runtime/http.hpp"

namespace pgkeel::serve {

using Json = nlohmann::ordered_json;

[[nodiscard]] std::string to_text(const Json& json);
[[nodiscard]] runtime::HttpResponse json_response(int status, const Json& json);

/// The value, or null when there is none.
template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}
[[nodiscard]] Json or_null(const std::optional<WallTime>& time);
[[nodiscard]] Json or_null(const std::optional<Millis>& duration);
/// An empty string stands for "unknown".
[[nodiscard]] Json or_null(const std::string& text);

}  // namespace pgkeel::serve
