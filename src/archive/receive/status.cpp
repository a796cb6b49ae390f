// See status.hpp.
#include "archive/receive/status.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kStatusBytesMax = 65'536;

constexpr auto kStates = std::to_array<std::pair<ReceiveState, std::string_view>>({
    {ReceiveState::Connecting, "connecting"},
    {ReceiveState::CatchingUp, "catching_up"},
    {ReceiveState::Streaming, "streaming"},
    {ReceiveState::Waiting, "waiting"},
    {ReceiveState::Stopped, "stopped"},
});

Json json_of(const std::optional<ReceiveProblem>& problem) {
  if (!problem) return {};
  return {{"code", problem->code},
          {"message", problem->message},
          {"hint", problem->hint},
          {"at", to_iso8601(problem->at)}};
}

Json json_of(const std::optional<WalGap>& gap) {
  if (!gap) return {};
  return {{"timeline", gap->timeline.value},
          {"from", to_string(gap->from)},
          {"to_timeline", gap->to_timeline.value},
          {"to", to_string(gap->to)},
          {"at", to_iso8601(gap->at)}};
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

TimelineId timeline_of(const Json& object, const char* key) {
  return TimelineId(static_cast<std::uint32_t>(number_of(object, key)));
}

Lsn lsn_of(const Json& object, const char* key) {
  return parse_lsn(text_of(object, key)).value_or(Lsn{});
}

WallTime time_of(const Json& object, const char* key) {
  return parse_iso8601(text_of(object, key)).value_or(WallTime{});
}

std::optional<ReceiveProblem> problem_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  return ReceiveProblem{text_of(json, "code"), text_of(json, "message"), text_of(json, "hint"),
                        time_of(json, "at")};
}

std::optional<WalGap> gap_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  return WalGap{timeline_of(json, "timeline"), lsn_of(json, "from"),
                timeline_of(json, "to_timeline"), lsn_of(json, "to"), time_of(json, "at")};
}

Result<ReceiveState> state_of(const Json& json) {
  const auto text = text_of(json, "state");
  for (const auto& [state, name] : kStates)
    if (name == text) return state;
  return fail(ErrorCode::Malformed, "the receiver's status has no known state");
}

}  // namespace

std::string_view to_string(ReceiveState state) {
  for (const auto& [known, name] : kStates)
    if (known == state) return name;
  return "unknown";
}

ReceiveProblem problem_of(const Error& error, WallTime now) {
  return {std::string(error.name()), error.message(), std::string(error.hint()), now};
}

std::string to_json(const ReceiveStatus& status) {
  const Json json = {
      {"pid", status.pid},
      {"started_at", to_iso8601(status.started_at)},
      {"written_at", to_iso8601(status.written_at)},
      {"state", to_string(status.state)},
      {"sync", status.durability == Durability::Sync},
      {"store", status.store},
      {"relays_in", status.relays_in},
      {"system_id", to_string(status.system_id)},
      {"timeline", status.timeline.value},
      {"received_lsn", to_string(status.received_lsn)},
      {"flushed_lsn", to_string(status.flushed_lsn)},
      {"server_lsn", to_string(status.server_lsn)},
      {"lag_bytes", status.lag_bytes},
      {"lag_ms", status.lag.count()},
      {"last_message_at",
       status.last_message_at ? Json(to_iso8601(*status.last_message_at)) : Json()},
      {"shipped_segment", status.shipped_segment},
      {"spool_bytes", status.spool_bytes},
      {"last_error", json_of(status.last_error)},
      {"ship_error", json_of(status.ship_error)},
      {"gap", json_of(status.gap)},
  };
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ReceiveStatus> parse_receive_status(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::Malformed, "the receiver's status is not JSON");
  ReceiveStatus status;
  TRY(state, state_of(json));
  status.state = state;
  status.pid = static_cast<int>(number_of(json, "pid"));
  status.started_at = time_of(json, "started_at");
  status.written_at = time_of(json, "written_at");
  const auto& sync = member(json, "sync");
  status.durability = sync.is_boolean() && sync.get<bool>() ? Durability::Sync : Durability::Async;
  status.store = text_of(json, "store");
  status.relays_in = text_of(json, "relays_in");
  status.system_id = parse_system_id(text_of(json, "system_id")).value_or(SystemId{});
  status.timeline = timeline_of(json, "timeline");
  status.received_lsn = lsn_of(json, "received_lsn");
  status.flushed_lsn = lsn_of(json, "flushed_lsn");
  status.server_lsn = lsn_of(json, "server_lsn");
  status.lag_bytes = number_of(json, "lag_bytes");
  status.lag = Millis(static_cast<Millis::rep>(number_of(json, "lag_ms")));
  if (member(json, "last_message_at").is_string())
    status.last_message_at = time_of(json, "last_message_at");
  status.shipped_segment = text_of(json, "shipped_segment");
  status.spool_bytes = number_of(json, "spool_bytes");
  status.last_error = problem_of(member(json, "last_error"));
  status.ship_error = problem_of(member(json, "ship_error"));
  status.gap = gap_of(member(json, "gap"));
  return status;
}

Result<ReceiveStatus> read_receive_status(const std::filesystem::path& file) {
  TRY(text, runtime::read_file(file, kStatusBytesMax));
  return parse_receive_status(text);
}

}  // namespace pgkeel::archive
