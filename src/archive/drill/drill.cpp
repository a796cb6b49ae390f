// See drill.hpp.
#include "archive/drill/drill.hpp"

#include <fmt/format.h>

#include "archive/drill/checks.hpp"
#include "instance/lock.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOurs = "pgkeel-drill";  // marks the directory as one of ours
constexpr const char* kData = "data";
// The backup, the WAL fetched ahead and what replay adds; and the disk never gets nearly full.
constexpr double kRoomFactor = 1.2;
constexpr std::uint64_t kRoomLeft = 1ULL << 30U;

bool is_ours(const fs::path& scratch) {
  std::error_code error;
  return fs::exists(scratch / kOurs, error);
}

Result<void> remove_earlier(const fs::path& scratch) {
  const auto data = scratch / kData;
  std::error_code error;
  if (fs::exists(data, error)) {
    const auto lock = instance::inspect_lock(data).facts.state;
    if (lock == instance::LockState::Live || lock == instance::LockState::Unclear)
      return fail(ErrorCode::Refused, "a server of an earlier drill runs in " + data.string());
  }
  for (const auto& entry : fs::directory_iterator(scratch, error))
    if (entry.path().filename() != kOurs) fs::remove_all(entry.path(), error);
  if (error) return fail(ErrorCode::Io, "clear " + scratch.string() + ": " + error.message());
  return {};
}

Result<void> prepare(const fs::path& scratch, const std::optional<runtime::Account>& owner) {
  std::error_code error;
  const bool there = fs::exists(scratch, error);
  if (there && !is_ours(scratch) && !fs::is_empty(scratch, error))
    return fail(Error(ErrorCode::Refused, scratch.string() + " is not a drill's directory")
                    .with_hint("Move it away; the drill makes its own."));
  TRY_VOID(runtime::ensure_directory(scratch, {.mode = 0700, .owner = owner}));
  TRY_VOID(runtime::write_file_atomic(scratch / kOurs, "scratch space of pgkeel's drills\n"));
  return remove_earlier(scratch);
}

Result<void> ask_for_room(const fs::path& scratch, const Backup& backup) {
  TRY(space, runtime::disk_space(scratch));
  const auto wanted =
      static_cast<std::uint64_t>(static_cast<double>(backup.plain_bytes) * kRoomFactor) + kRoomLeft;
  if (space.bytes_free >= wanted) return {};
  return fail(
      Error(ErrorCode::DiskFull,
            fmt::format("a drill of {} needs {} free in {}, there are {}", backup.label,
                        format_size(wanted), scratch.string(), format_size(space.bytes_free)))
          .with_hint("Free space there, or set archive.drill_dir to another disk."));
}

Result<Backup> backup_of(const DrillRequest& request) {
  auto& store = *request.restore.store;
  if (request.restore.label) return find_backup(store, *request.restore.label);
  TRY(backups, list_backups(store));
  if (backups.empty())
    return fail(Error(ErrorCode::NotFound, "the archive holds no backup")
                    .with_hint("'pgkeel backup now' makes one."));
  return backups.back();
}

}  // namespace

Result<Proof> drill(const DrillRequest& request) {
  TRY(backup, backup_of(request));
  TRY_VOID(prepare(request.scratch, request.restore.account));
  TRY_VOID(ask_for_room(request.scratch, backup));
  RestoreRequest work = request.restore;
  work.into = request.scratch / kData;
  work.label = backup.label;
  Proof proof;
  proof.kind = Proof::Kind::Drill;
  const auto done = restore(work, [&](const PrivateServer& server, const Restored&) {
    return ask_restored(server, request.questions, proof);
  });
  proof.at = wall_now();
  if (!done && done.error().code == ErrorCode::Cancelled) return fail(done.error());
  proof.holds = done.has_value();
  if (done) {
    proof.copy_took = done->copy_took;
    proof.replay_took = done->replay_took;
    proof.lsn = done->lsn;
    proof.checked.push_back(fmt::format("{} WAL segments replayed", done->segments));
  } else {
    proof.failure = done.error().message();
  }
  TRY_VOID(write_proof(*request.restore.store, backup.label, proof));
  TRY_VOID(remove_earlier(request.scratch));
  return proof;
}

}  // namespace pgkeel::archive
