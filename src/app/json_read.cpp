// Tolerant accessors.
#include "app/json_read.hpp"

#include "app/look.hpp"

namespace pgkeel::app {

Result<Json> parse_json(std::string_view text) {
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::Malformed, "the answer is not JSON");
  return json;
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const Json& member(const Json& object, std::string_view key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string();
}

std::optional<std::int64_t> number_of(const Json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

std::optional<double> ratio_of(const Json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

bool flag_of(const Json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::optional<WallTime> time_of(const Json& object, std::string_view key) {
  const auto time = parse_iso8601(text_of(object, key));
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace pgkeel::app
