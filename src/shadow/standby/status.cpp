// See status.hpp.
#include "shadow/standby/status.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kStatusBytesMax = 65'536;

constexpr auto kStates = std::to_array<std::pair<ShadowState, std::string_view>>({
    {ShadowState::Building, "building"},
    {ShadowState::Starting, "starting"},
    {ShadowState::Following, "following"},
    {ShadowState::Held, "held"},
    {ShadowState::Waiting, "waiting"},
    {ShadowState::Stopped, "stopped"},
});

Json time_json(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json();
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<WallTime> time_of(const Json& object, const char* key) {
  const auto time = parse_iso8601(text_of(object, key));
  return time ? std::optional(*time) : std::nullopt;
}

Json problem_json(const std::optional<archive::ReceiveProblem>& problem) {
  if (!problem) return nullptr;
  return {{"code", problem->code},
          {"message", problem->message},
          {"hint", problem->hint},
          {"at", to_iso8601(problem->at)}};
}

std::optional<archive::ReceiveProblem> problem_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return std::nullopt;
  return archive::ReceiveProblem{text_of(*found, "code"), text_of(*found, "message"),
                                 text_of(*found, "hint"),
                                 time_of(*found, "at").value_or(WallTime{})};
}

}  // namespace

std::string_view to_string(ShadowState state) {
  for (const auto& [known, name] : kStates)
    if (known == state) return name;
  return "unknown";
}

std::string to_json(const ShadowStatus& status) {
  const Json json = {{"pid", status.pid},
                     {"started_at", to_iso8601(status.started_at)},
                     {"written_at", to_iso8601(status.written_at)},
                     {"state", to_string(status.state)},
                     {"data_dir", status.data_dir},
                     {"backup", status.backup},
                     {"bytes", status.bytes},
                     {"bytes_all", status.bytes_all},
                     {"timeline", status.timeline.value},
                     {"replayed_lsn", to_string(status.replayed_lsn)},
                     {"kept_from", status.kept_from},
                     {"kept_until", time_json(status.kept_until)},
                     {"gate_read_lsn", to_string(status.gate_read_lsn)},
                     {"replayed_until", time_json(status.replayed_until)},
                     {"following_since", time_json(status.following_since)},
                     {"problem", problem_json(status.problem)},
                     {"given_up", problem_json(status.given_up)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ShadowStatus> parse_shadow_status(std::string_view json) {
  const auto parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return fail(ErrorCode::Malformed, "the shadow's status is no JSON");
  ShadowStatus status;
  const auto state = text_of(parsed, "state");
  const auto* known =
      std::ranges::find(kStates, state, &std::pair<ShadowState, std::string_view>::second);
  if (known == kStates.end())
    return fail(ErrorCode::Malformed, "the shadow's status has no known state");
  status.state = known->first;
  status.pid = static_cast<int>(number_of(parsed, "pid"));
  status.started_at = time_of(parsed, "started_at").value_or(WallTime{});
  status.written_at = time_of(parsed, "written_at").value_or(WallTime{});
  status.data_dir = text_of(parsed, "data_dir");
  status.backup = text_of(parsed, "backup");
  status.bytes = number_of(parsed, "bytes");
  status.bytes_all = number_of(parsed, "bytes_all");
  status.timeline = TimelineId(static_cast<std::uint32_t>(number_of(parsed, "timeline")));
  status.replayed_lsn = parse_lsn(text_of(parsed, "replayed_lsn")).value_or(Lsn{});
  status.kept_from = text_of(parsed, "kept_from");
  status.kept_until = time_of(parsed, "kept_until");
  status.gate_read_lsn = parse_lsn(text_of(parsed, "gate_read_lsn")).value_or(Lsn{});
  status.replayed_until = time_of(parsed, "replayed_until");
  status.following_since = time_of(parsed, "following_since");
  status.problem = problem_of(parsed, "problem");
  status.given_up = problem_of(parsed, "given_up");
  return status;
}

Result<ShadowStatus> read_shadow_status(const std::filesystem::path& file) {
  TRY(text, runtime::read_file(file, kStatusBytesMax));
  return parse_shadow_status(text);
}

}  // namespace pgkeel::shadow
