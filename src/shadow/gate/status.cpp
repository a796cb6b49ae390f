// See status.hpp.
#include "shadow/gate/status.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kStatusBytesMax = 64U << 20U;

constexpr auto kEnds = std::to_array<std::pair<HoldEnd, std::string_view>>({
    {HoldEnd::Kept, "kept"},
    {HoldEnd::Released, "released"},
    {HoldEnd::Expired, "expired"},
    {HoldEnd::Crowded, "crowded"},
    {HoldEnd::Locked, "locked"},
    {HoldEnd::Passed, "passed"},
});
constexpr auto kKinds = std::to_array({HoldKind::Files, HoldKind::Rows, HoldKind::Database});

Json json_of(const LostRelation& relation) {
  return {
      {"schema", relation.schema}, {"name", relation.name},   {"what", to_string(relation.loss)},
      {"rows", relation.rows},     {"bytes", relation.bytes}, {"again", relation.again},
      {"back", relation.back}};
}

Json json_of(const Destruction& destruction) {
  Json relations = Json::array();
  for (const auto& relation : destruction.relations) relations.push_back(json_of(relation));
  return {
      {"database", destruction.database}, {"whole", destruction.whole}, {"relations", relations}};
}

Json json_of(const GateEntry& entry) {
  return {{"before", to_string(entry.before)},
          {"decided", to_string(entry.decided)},
          {"kind", to_string(entry.kind)},
          {"xid", entry.xid},
          {"at", to_iso8601(entry.at)},
          {"noticed", to_iso8601(entry.noticed)},
          {"until", to_iso8601(entry.until)},
          {"end", to_string(entry.end)},
          {"provisional", entry.provisional},
          {"exact", entry.exact},
          {"destroyed", entry.destruction ? json_of(*entry.destruction) : Json()}};
}

WallTime time_of(const Json& json, const char* key) {
  return parse_iso8601(json.at(key).get<std::string>()).value_or(WallTime{});
}

Lsn lsn_of(const Json& json, const char* key) {
  return parse_lsn(json.at(key).get<std::string>()).value_or(Lsn{});
}

Destruction destruction_of(const Json& json) {
  Destruction destruction{json.at("database").get<std::string>(), json.at("whole").get<bool>(), {}};
  for (const auto& one : json.at("relations"))
    destruction.relations.push_back(
        {one.at("schema").get<std::string>(), one.at("name").get<std::string>(),
         parse_loss(one.at("what").get<std::string>()).value_or(Loss::Dropped),
         one.at("rows").get<std::int64_t>(), one.at("bytes").get<std::uint64_t>(),
         one.value("again", false), one.value("back", false)});
  return destruction;
}

GateEntry entry_of(const Json& json) {
  GateEntry entry;
  entry.before = lsn_of(json, "before");
  entry.decided = lsn_of(json, "decided");
  const auto kind = json.at("kind").get<std::string>();
  for (const auto known : kKinds)
    if (to_string(known) == kind) entry.kind = known;
  entry.xid = json.at("xid").get<std::uint32_t>();
  entry.at = time_of(json, "at");
  entry.noticed = time_of(json, "noticed");
  entry.until = time_of(json, "until");
  const auto end = json.at("end").get<std::string>();
  for (const auto& [known, name] : kEnds)
    if (name == end) entry.end = known;
  entry.provisional = json.value("provisional", false);
  entry.exact = json.value("exact", false);
  if (const auto& destroyed = json.at("destroyed"); destroyed.is_object())
    entry.destruction = destruction_of(destroyed);
  return entry;
}

}  // namespace

std::string_view to_string(HoldEnd end) {
  return std::ranges::find(kEnds, end, &decltype(kEnds)::value_type::first)->second;
}

std::string to_json(const GateStatus& status) {
  Json released = Json::array();
  for (const auto lsn : status.released) released.push_back(to_string(lsn));
  Json entries = Json::array();
  for (const auto& entry : status.entries) entries.push_back(json_of(entry));
  const Json json = {{"system_id", to_string(status.system_id)},
                     {"written_at", to_iso8601(status.written_at)},
                     {"timeline", status.timeline.value},
                     {"limit", to_string(status.limit)},
                     {"read", to_string(status.read)},
                     {"released", released},
                     {"holds", entries}};
  // Names are in the database's own encoding.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<GateStatus> parse_gate_status(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    GateStatus status;
    status.system_id =
        parse_system_id(json.at("system_id").get<std::string>()).value_or(SystemId{});
    status.written_at = time_of(json, "written_at");
    status.timeline = TimelineId(json.at("timeline").get<std::uint32_t>());
    status.limit = lsn_of(json, "limit");
    status.read = lsn_of(json, "read");
    for (const auto& lsn : json.at("released"))
      status.released.insert(parse_lsn(lsn.get<std::string>()).value_or(Lsn{}));
    for (const auto& entry : json.at("holds")) status.entries.push_back(entry_of(entry));
    return status;
  } catch (const Json::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("gate.json: {}", problem.what()));
  }
}

Result<GateStatus> read_gate_status(const fs::path& file) {
  TRY(text, runtime::read_file(file, kStatusBytesMax));
  return parse_gate_status(text);
}

Result<void> ask_for_release(const fs::path& state_dir, const ReleaseWish& wish) {
  const auto directory = state_dir / kReleasesDirectory;
  TRY_VOID(runtime::ensure_directory(directory, {.mode = 0700, .owner = {}}));
  const Json json = {{"decided", to_string(wish.decided)}, {"back", wish.back}};
  const auto name = fmt::format("{:016X}-{}.json", wish.decided.value, ::getpid());
  return runtime::write_file_atomic(directory / name,
                                    json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::vector<ReleaseWish> release_wishes(const fs::path& directory) {
  std::vector<ReleaseWish> wishes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".json") continue;
    const auto text = runtime::read_file(entry.path(), kStatusBytesMax);
    const auto json = Json::parse(text.value_or(""), nullptr, false);
    if (!json.is_object() || !json.contains("decided") || !json.contains("back")) continue;
    const auto decided = parse_lsn(json.value("decided", ""));
    if (!decided || !json["back"].is_array()) continue;
    ReleaseWish wish{*decided, {}, entry.path()};
    for (const auto& name : json["back"])
      if (name.is_string()) wish.back.push_back(name.get<std::string>());
    wishes.push_back(std::move(wish));
  }
  return wishes;
}

}  // namespace pgkeel::shadow
