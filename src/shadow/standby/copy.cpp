// See copy.hpp.
#include "shadow/standby/copy.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/restore/scratch.hpp"
#include "base/fault_point.hpp"
#include "instance/data_dir.hpp"
#include "instance/server_processes.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMarkerBytesMax = 4096;
constexpr std::size_t kWordsMax = 500;
constexpr Seconds kCopyPatience{24 * 3600};
constexpr const char* kJob = "copy";
constexpr const char* kRoomHint = "Free space there, or set shadow.data_dir to another disk.";

std::uint64_t number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end ? number : 0;
}

Error in_the_way(const fs::path& place, std::string_view why) {
  return Error(ErrorCode::Refused, fmt::format("{} {}; it was not touched", place.string(), why))
      .with_hint("Move it away, or set shadow.data_dir to another place.");
}

// The directory is another account's: nothing in it names a path that we would remove.
Result<CopyOrigin> parse_marker(const std::string& text, const fs::path& place) {
  const auto json = Json::parse(text, nullptr, false);
  const auto text_of = [&json](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>()
                                                                         : std::string();
  };
  const auto id = parse_system_id(text_of("system_id"));
  if (!id) return fail(in_the_way(place, "has a marker that cannot be read"));
  return CopyOrigin{*id, text_of("backup"), number_in(text_of("tablespaces"))};
}

std::string marker_of(const CopyOrigin& origin) {
  const Json marker = {{"system_id", to_string(origin.system_id)},
                       {"backup", origin.backup},
                       {"tablespaces", std::to_string(origin.tablespaces)},
                       {"built_at", to_iso8601(wall_now())}};
  return marker.dump() + "\n";
}

Result<void> remove_tree(const fs::path& directory) {
  std::error_code error;
  if (!directory.empty()) fs::remove_all(directory, error);
  if (error) return fail(ErrorCode::Io, "remove " + directory.string() + ": " + error.message());
  return {};
}

std::uint64_t bytes_of(const fs::path& directory) {
  constexpr std::uint64_t kBlock = 512;  // of st_blocks
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error)) {
    struct stat status{};
    if (::lstat(each->path().c_str(), &status) == 0)
      bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
  }
  return bytes;
}

// Blocks of a file are shared where the file system can do that; no link is followed.
Result<void> copy_tree(const fs::path& from, const fs::path& into, const std::stop_token& stop) {
  std::error_code error;
  fs::create_directory(into, error);
  if (error) return fail(ErrorCode::Io, "make " + into.string() + ": " + error.message());
  runtime::Loop loop;
  runtime::ProcessSpec spec;
  spec.argv = {"cp", "--archive", "--reflink=auto", "--", (from / ".").string(), into.string()};
  spec.working_dir = "/";
  TRY(ran, loop.run_until_complete(
               runtime::run_process(loop, std::move(spec), loop.after(kCopyPatience), stop)));
  if (ran.exit.ok()) return {};
  return fail(ErrorCode::ChildFailed,
              fmt::format("copy {}: {}", from.string(),
                          ran.err.empty() ? ran.exit.describe() : ran.err.substr(0, kWordsMax)));
}

}  // namespace

// A number of its own each time: those of a copy that was promoted stay where they are.
fs::path ShadowCopy::tablespaces(std::uint64_t number) const {
  auto directory = places_.data_dir;
  directory += fmt::format("-tablespaces-{}", number);
  return directory;
}

// Names those of a copy that is being built or removed.
fs::path ShadowCopy::pending_note() const { return places_.build_dir / "tablespaces"; }

Result<void> ShadowCopy::note_pending(std::uint64_t number) const {
  return runtime::write_file_atomic(pending_note(), std::to_string(number));
}

Result<void> ShadowCopy::clear_pending() const {
  const auto note = runtime::read_file(pending_note(), kMarkerBytesMax);
  if (!note) return {};
  TRY(present, origin());
  const auto number = number_in(*note);
  if (number != 0 && (!present || present->tablespaces != number))
    TRY_VOID(remove_tree(tablespaces(number)));
  return remove_tree(pending_note());
}

Result<std::optional<CopyOrigin>> ShadowCopy::origin() const {
  std::error_code error;
  const auto& place = places_.data_dir;
  if (!fs::exists(place, error) || fs::is_empty(place, error)) return std::nullopt;
  const auto text = runtime::read_file(place / instance::kShadowMarker, kMarkerBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound)
    return fail(in_the_way(place, "is no shadow that pgkeel made"));
  if (!text) return fail(text.error());
  TRY(origin, parse_marker(*text, place));
  return origin;
}

Result<CopyOrigin> ShadowCopy::build(archive::RestoreRequest request) const {
  if (::rmdir(places_.data_dir.c_str()) != 0 && errno != ENOENT)
    return fail(in_the_way(places_.data_dir, "is a mount point, or not empty"));
  TRY(plan, archive::plan_restore_of(request));
  TRY_VOID(archive::ask_for_room_in(places_.data_dir.parent_path(), plan.backup, kRoomHint));
  TRY(scratch, archive::Scratch::prepare(places_.build_dir, kJob, request.account));
  TRY_VOID(clear_pending());
  request.into = scratch.data();
  request.label = plan.backup.label;
  CopyOrigin origin{plan.backup.system_id, plan.backup.label, 0};
  if (!plan.backup.tablespaces.empty()) {
    origin.tablespaces = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
    TRY_VOID(note_pending(origin.tablespaces));
    request.tablespaces_into = tablespaces(origin.tablespaces);
    TRY_VOID(runtime::ensure_directory(request.tablespaces_into,
                                       {.mode = 0700, .owner = request.account}));
  }
  fault_point("shadow_copy.noted");
  TRY_VOID(archive::lay_out(request));
  fault_point("shadow_copy.laid_out");
  const runtime::FileMode mode{.mode = 0600, .owner = request.account};
  TRY_VOID(runtime::write_file_atomic(request.into / "standby.signal", "", mode));
  TRY_VOID(
      runtime::write_file_atomic(request.into / instance::kShadowMarker, marker_of(origin), mode));
  fault_point("shadow_copy.marked");
  TRY_VOID(runtime::rename_durable(request.into, places_.data_dir));
  fault_point("shadow_copy.placed");
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

Result<bool> ShadowCopy::hand_over(const fs::path& into, SystemId system_id) const {
  TRY(origin, ShadowCopy::origin());
  if (!origin || origin->system_id != system_id) return false;
  TRY_VOID(may_be_removed());
  static_cast<void>(::rmdir(into.c_str()));  // only when it is empty
  const auto moved = runtime::rename_durable(places_.data_dir, into);
  if (!moved && moved.error().sys_errno == EXDEV) return false;
  if (!moved) return fail(moved.error());
  fault_point("shadow_copy.handed");
  TRY_VOID(remove_tree(into / "standby.signal"));
  fault_point("shadow_copy.no_standby");
  TRY_VOID(remove_tree(into / instance::kShadowMarker));
  return true;
}

Result<bool> ShadowCopy::copy_to(const fs::path& into, SystemId system_id,
                                 const std::stop_token& stop) const {
  TRY(origin, ShadowCopy::origin());
  if (!origin || origin->system_id != system_id || origin->tablespaces != 0) return false;
  TRY_VOID(may_be_removed());
  TRY(space, runtime::disk_space(into.parent_path()));
  if (space.bytes_free < bytes_of(places_.data_dir) + archive::kRoomLeft) return false;
  TRY_VOID(copy_tree(places_.data_dir, into, stop));
  fault_point("shadow_copy.copied");
  TRY_VOID(remove_tree(into / "standby.signal"));
  TRY_VOID(remove_tree(into / instance::kShadowMarker));
  return true;
}

Result<void> ShadowCopy::discard(const std::optional<runtime::Account>& account) const {
  TRY(origin, ShadowCopy::origin());
  if (!origin) return {};
  TRY_VOID(may_be_removed());
  TRY(scratch, archive::Scratch::prepare(places_.build_dir, kJob, account));
  if (origin->tablespaces != 0) TRY_VOID(note_pending(origin->tablespaces));
  fault_point("shadow_copy.discarding");
  TRY_VOID(runtime::rename_durable(places_.data_dir, scratch.data()));
  fault_point("shadow_copy.aside");
  TRY_VOID(clear_pending());
  return scratch.clear();
}

}  // namespace pgkeel::shadow
