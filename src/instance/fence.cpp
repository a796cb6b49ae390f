// See fence.hpp. The note is at the top of the directory, where a human looks first; below global/
// servers before 17 stumble over a name they do not know when a base backup is taken.
#include "instance/fence.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "base/fault_point.hpp"
#include "instance/server_processes.hpp"
#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNoteBytesMax = 16U << 10U;
constexpr std::size_t kWhyBytesMax = 500;

fs::path control_path(const fs::path& data_dir) { return data_dir / "global" / "pg_control"; }
fs::path fenced_path(const fs::path& data_dir) { return data_dir / "global" / "pg_control.fenced"; }

bool is_there(const fs::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text.substr(0, kWhyBytesMax);
}

std::string note_text(const FenceNote& note) {
  return fmt::format(
      "This PostgreSQL data directory was fenced by pgkeel: no server starts in it.\n"
      "when: {}\nby: {}\nwhy: {}\n"
      "undo: pgkeel unfence --yes\n"
      "Where no guard is left, with no server running here:\n"
      "  mv global/pg_control.fenced global/pg_control && rm {}\n",
      to_iso8601(note.at), one_line(note.by), one_line(note.why), kFenceNoteName);
}

std::string line_of(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return std::string(text.substr(0, text.find('\n')));
}

std::optional<FenceNote> read_note(const fs::path& data_dir) {
  const auto text = runtime::read_file(data_dir / kFenceNoteName, kNoteBytesMax);
  if (!text) return std::nullopt;
  const auto at = parse_iso8601(line_of(*text, "\nwhen: "));
  if (!at) return std::nullopt;
  return FenceNote{*at, line_of(*text, "\nby: "), line_of(*text, "\nwhy: ")};
}

// Whose the directory is, the note is.
Result<void> write_note(const fs::path& data_dir, const FenceNote& note) {
  runtime::FileMode mode;
  struct stat status{};
  if (::stat(data_dir.c_str(), &status) != 0)
    return fail_errno(errno, "look at " + data_dir.string());
  if (runtime::running_as_root())
    mode.owner = runtime::Account{"", status.st_uid, status.st_gid, "/"};
  return runtime::write_file_atomic(data_dir / kFenceNoteName, note_text(note), mode);
}

Result<void> check_no_process(const fs::path& data_dir) {
  const auto scan = scan_server_processes(data_dir);
  if (!scan.processes.empty())
    return fail(ErrorCode::WrongState,
                fmt::format("{} processes of a server are in {} (pid {})", scan.processes.size(),
                            data_dir.string(), scan.processes.front().pid));
  if (scan.sight == Sight::Hindered)
    return fail(ErrorCode::Refused,
                "it cannot be told whether a server runs in " + data_dir.string());
  return {};
}

Result<void> remove_note(const fs::path& data_dir) {
  const auto note = data_dir / kFenceNoteName;
  if (::unlink(note.c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, "remove " + note.string());
  return runtime::fsync_directory(data_dir);
}

}  // namespace

std::optional<Fence> read_fence(const fs::path& data_dir) {
  if (is_there(control_path(data_dir)) || !is_there(fenced_path(data_dir))) return std::nullopt;
  Fence fence{read_note(data_dir), std::nullopt};
  const auto bytes = runtime::read_file(fenced_path(data_dir), 2 * pg::kControlFileBytes);
  if (!bytes) return fence;
  auto control = pg::parse_control_file(std::as_bytes(std::span(*bytes)));
  if (control) fence.control = *std::move(control);
  return fence;
}

bool has_stale_note(const fs::path& data_dir) {
  return is_there(data_dir / kFenceNoteName) && !read_fence(data_dir);
}

std::string describe(const Fence& fence) {
  constexpr std::string_view kBack = "'pgkeel unfence --yes' gives it back";
  if (!fence.note) return fmt::format("fenced by pgkeel (its note is gone); {}", kBack);
  return fmt::format("fenced by pgkeel at {} because {}; {}", to_iso8601(fence.note->at),
                     fence.note->why, kBack);
}

Result<void> fence_data(const fs::path& data_dir, const FenceNote& note) {
  TRY_VOID(check_no_process(data_dir));
  if (read_fence(data_dir)) return {};
  TRY_VOID(write_note(data_dir, note));
  fault_point("fence.noted");
  TRY_VOID(runtime::rename_durable(control_path(data_dir), fenced_path(data_dir)));
  return check_no_process(data_dir);
}

Result<void> may_unfence(const fs::path& data_dir) {
  if (is_there(control_path(data_dir)) && is_there(fenced_path(data_dir)))
    return fail(Error(ErrorCode::Refused,
                      fmt::format("{} stands beside {}", control_path(data_dir).string(),
                                  fenced_path(data_dir).string()))
                    .with_hint("Compare both with pg_controldata and move the wrong one away."));
  return {};
}

Result<void> unfence_data(const fs::path& data_dir) {
  TRY_VOID(may_unfence(data_dir));
  if (read_fence(data_dir))
    TRY_VOID(runtime::rename_durable(fenced_path(data_dir), control_path(data_dir)));
  fault_point("fence.lifted");
  return remove_note(data_dir);
}

}  // namespace pgkeel::instance
