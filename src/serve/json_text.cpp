// The one place where JSON becomes bytes.
#include "serve/json_text.hpp"

namespace pgkeel::serve {

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

runtime::HttpResponse json_response(int status, const Json& json) {
  runtime::HttpResponse response;
  response.status = status;
  response.body = to_text(json);
  return response;
}

Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json();
}
Json or_null(const std::optional<Millis>& duration) {
  return duration ? Json(duration->count()) : Json();
}
Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace pgkeel::serve
