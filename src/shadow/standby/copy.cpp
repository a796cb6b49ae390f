// See copy.hpp.
#include "shadow/standby/copy.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/restore/scratch.hpp"
#include "instance/data_dir.hpp"
#include "instance/server_processes.hpp"
#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMarkerBytesMax = 4096;
constexpr const char* kJob = "copy";
constexpr const char* kRoomHint = "Free space there, or set shadow.data_dir to another disk.";

Error in_the_way(const fs::path& place, std::string_view why) {
  return Error(ErrorCode::Refused, fmt::format("{} {}; it was not touched", place.string(), why))
      .with_hint("Move it away, or set shadow.data_dir to another place.");
}

Result<CopyOrigin> parse_marker(const std::string& text, const fs::path& place) {
  const auto json = Json::parse(text, nullptr, false);
  const auto system = json.is_object() ? json.value("system_id", "") : "";
  const auto id = parse_system_id(system);
  if (!id) return fail(in_the_way(place, "has a marker that cannot be read"));
  return CopyOrigin{*id, json.value("backup", ""), json.value("tablespaces", "")};
}

std::string marker_of(const CopyOrigin& origin) {
  const Json marker = {{"system_id", to_string(origin.system_id)},
                       {"backup", origin.backup},
                       {"tablespaces", origin.tablespaces.string()},
                       {"built_at", to_iso8601(wall_now())}};
  return marker.dump() + "\n";
}

Result<void> remove_tree(const fs::path& directory) {
  std::error_code error;
  if (!directory.empty()) fs::remove_all(directory, error);
  if (error) return fail(ErrorCode::Io, "remove " + directory.string() + ": " + error.message());
  return {};
}

}  // namespace

// Names the tablespaces of a copy that is being built, until the copy itself does.
fs::path ShadowCopy::pending_note() const { return places_.build_dir / "tablespaces"; }

Result<void> ShadowCopy::clear_pending() const {
  const auto note = runtime::read_file(pending_note(), kMarkerBytesMax);
  if (!note) return {};
  TRY(present, origin());
  if (!present || present->tablespaces != *note) TRY_VOID(remove_tree(*note));
  return remove_tree(pending_note());
}

// A name of its own each time: those of a copy that was promoted stay where they are.
Result<fs::path> ShadowCopy::make_tablespaces(const archive::RestoreRequest& request) const {
  auto directory = places_.data_dir;
  directory += fmt::format("-tablespaces-{}", wall_now().time_since_epoch().count());
  TRY_VOID(runtime::write_file_atomic(pending_note(), directory.string()));
  TRY_VOID(runtime::ensure_directory(directory, {.mode = 0700, .owner = request.account}));
  return directory;
}

Result<std::optional<CopyOrigin>> ShadowCopy::origin() const {
  std::error_code error;
  const auto& place = places_.data_dir;
  if (!fs::exists(place, error) || fs::is_empty(place, error)) return std::nullopt;
  const auto text = runtime::read_file(place / kCopyMarker, kMarkerBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound)
    return fail(in_the_way(place, "is no shadow that pgkeel made"));
  if (!text) return fail(text.error());
  TRY(origin, parse_marker(*text, place));
  return origin;
}

Result<CopyOrigin> ShadowCopy::build(archive::RestoreRequest request) const {
  TRY(plan, archive::plan_restore_of(request));
  TRY_VOID(archive::ask_for_room_in(places_.data_dir.parent_path(), plan.backup, kRoomHint));
  TRY(scratch, archive::Scratch::prepare(places_.build_dir, kJob, request.account));
  TRY_VOID(clear_pending());
  request.into = scratch.data();
  request.label = plan.backup.label;
  CopyOrigin origin{plan.backup.system_id, plan.backup.label, {}};
  if (!plan.backup.tablespaces.empty()) {
    TRY(directory, make_tablespaces(request));
    origin.tablespaces = request.tablespaces_into = directory;
  }
  TRY_VOID(archive::lay_out(request));
  const runtime::FileMode mode{.mode = 0600, .owner = request.account};
  TRY_VOID(runtime::write_file_atomic(request.into / "standby.signal", "", mode));
  TRY_VOID(runtime::write_file_atomic(request.into / kCopyMarker, marker_of(origin), mode));
  std::error_code error;
  fs::remove(places_.data_dir, error);  // rmdir: only when it is empty
  TRY_VOID(runtime::rename_durable(request.into, places_.data_dir));
  TRY_VOID(clear_pending());
  TRY_VOID(scratch.clear());
  return origin;
}

// Whatever its marker says: it may have rows nobody else has.
Result<void> ShadowCopy::still_standby() const {
  std::error_code error;
  if (fs::exists(places_.data_dir / "standby.signal", error)) return {};
  return fail(in_the_way(places_.data_dir, "is not a standby any more"));
}

Result<void> ShadowCopy::may_be_removed() const {
  TRY_VOID(still_standby());
  const auto& place = places_.data_dir;
  const auto scan = instance::scan_server_processes(place);
  if (!scan.processes.empty() || scan.sight != instance::Sight::Clear)
    return fail(in_the_way(place, "may have a server running in it"));
  return {};
}

Result<void> ShadowCopy::discard(const std::optional<runtime::Account>& account) const {
  TRY(origin, ShadowCopy::origin());
  if (!origin) return {};
  TRY_VOID(may_be_removed());
  TRY(scratch, archive::Scratch::prepare(places_.build_dir, kJob, account));
  TRY_VOID(runtime::rename_durable(places_.data_dir, scratch.data()));
  TRY_VOID(remove_tree(origin->tablespaces));
  return scratch.clear();
}

}  // namespace pgkeel::shadow
