// Reading what a client sent: a JSON object of known keys, and numbers in the query. Everything is
// bounded and everything unexpected is an error that names itself; nothing is guessed or ignored.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runtime/http.hpp"
#include "serve/json_text.hpp"

namespace pgkeel::serve {

/// No body of ours has more than three short values.
inline constexpr std::size_t kJsonBodyBytesMax = 16U << 10U;
/// PostgreSQL names are at most 63 bytes; three of them with dots, and a person's name, fit.
inline constexpr std::size_t kTextValueBytesMax = 256;

/// The object in the body, whose keys are all among `keys`; an empty body is an empty object.
/// Usage for anything else.
[[nodiscard]] Result<Json> read_object(const runtime::HttpRequest& request,
                                       std::initializer_list<std::string_view> keys);
/// The text under `key`; empty when it is absent or null. Usage when it is no text, is empty, too
/// long or has control characters.
[[nodiscard]] Result<std::string> read_text(const Json& object, std::string_view key);
/// The number under `name` in the query or `otherwise`; Usage unless between 1 and `most`.
[[nodiscard]] Result<std::size_t> read_count(const runtime::HttpRequest& request,
                                             const std::string& name, std::size_t otherwise,
                                             std::size_t most);

}  // namespace pgkeel::serve
