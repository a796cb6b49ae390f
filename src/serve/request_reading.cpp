// nlohmann's parser is used without exceptions; its depth is bounded by the size of the body.
#include "serve/request_reading.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace pgkeel::serve {
namespace {

std::unexpected<Error> wrong(std::string message) {
  return fail(Error(ErrorCode::Usage, std::move(message))
                  .with_hint("docs/reference/http.md shows what this endpoint takes."));
}

bool is_control(char letter) { return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f; }

}  // namespace

Result<Json> read_object(const runtime::HttpRequest& request,
                         std::initializer_list<std::string_view> keys) {
  if (request.body.size() > kJsonBodyBytesMax)
    return wrong(fmt::format("the body is larger than {} bytes", kJsonBodyBytesMax));
  if (request.body.empty()) return Json::object();
  auto json = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return wrong("the body is not valid JSON");
  if (!json.is_object()) return wrong("the body is not a JSON object");
  for (const auto& [key, value] : json.items())
    if (std::ranges::find(keys, key) == keys.end())
      return wrong(fmt::format("unknown key \"{}\"", key.substr(0, kTextValueBytesMax)));
  return json;
}

Result<std::string> read_text(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return wrong(fmt::format("\"{}\" is not a string", key));
  auto text = found->get<std::string>();
  if (text.empty()) return wrong(fmt::format("\"{}\" is empty", key));
  if (text.size() > kTextValueBytesMax)
    return wrong(fmt::format("\"{}\" is longer than {} bytes", key, kTextValueBytesMax));
  if (std::ranges::any_of(text, is_control))
    return wrong(fmt::format("\"{}\" has control characters", key));
  return text;
}

Result<std::size_t> read_count(const runtime::HttpRequest& request, const std::string& name,
                               std::size_t otherwise, std::size_t most) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  const auto& text = found->second;
  std::size_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || stop != text.data() + text.size() || count < 1 || count > most)
    return wrong(fmt::format("{} is not a number between 1 and {}", name, most));
  return count;
}

}  // namespace pgkeel::serve
