// See status.hpp.
#include "shadow/relay/status.hpp"

#include <nlohmann/json.hpp>

#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kStatusBytesMax = 65'536;

Json json_of(const StandbyView& view) {
  Json held;
  if (view.held) held = {{"before", to_string(view.held->start)}, {"what", view.held->what}};
  return {{"application_name", view.application_name},
          {"streaming", view.streaming},
          {"timeline", view.timeline.value},
          {"sent_lsn", to_string(view.sent)},
          {"written_lsn", to_string(view.status.written)},
          {"flushed_lsn", to_string(view.status.flushed)},
          {"applied_lsn", to_string(view.status.applied)},
          {"said_at", to_iso8601(view.status.sent_at)},
          {"held", held},
          {"refused", view.refusal ? Json(view.refusal->message()) : Json()}};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

StandbyView view_of(const Json& json) {
  StandbyView view;
  view.application_name = text_of(json, "application_name");
  const auto streaming = json.find("streaming");
  view.streaming = streaming != json.end() && *streaming == true;
  view.sent = parse_lsn(text_of(json, "sent_lsn")).value_or(Lsn{});
  view.status.applied = parse_lsn(text_of(json, "applied_lsn")).value_or(Lsn{});
  const auto held = json.find("held");
  if (held != json.end() && held->is_object())
    view.held =
        UnfitRecord{parse_lsn(text_of(*held, "before")).value_or(Lsn{}), text_of(*held, "what")};
  if (const auto refused = text_of(json, "refused"); !refused.empty())
    view.refusal = Error(ErrorCode::Refused, refused);
  return view;
}

}  // namespace

std::string to_json(const std::vector<StandbyView>& standbys) {
  auto list = Json::array();
  for (const auto& view : standbys) list.push_back(json_of(view));
  const Json json = {{"standbys", list}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::vector<StandbyView>> parse_relay_status(std::string_view json) {
  const auto parsed = Json::parse(json, nullptr, false);
  const auto list = parsed.is_object() ? parsed.find("standbys") : parsed.end();
  if (!parsed.is_object() || list == parsed.end() || !list->is_array())
    return fail(ErrorCode::Malformed, "the relay's status is not what it should be");
  std::vector<StandbyView> views;
  for (const auto& one : *list)
    if (one.is_object()) views.push_back(view_of(one));
  return views;
}

Result<std::vector<StandbyView>> read_relay_status(const std::filesystem::path& file) {
  TRY(text, runtime::read_file(file, kStatusBytesMax));
  return parse_relay_status(text);
}

}  // namespace pgkeel::shadow
