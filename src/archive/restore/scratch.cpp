// See scratch.hpp.
#include "archive/restore/scratch.hpp"

#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "archive/restore/restore.hpp"
#include "instance/lock.hpp"
#include "instance/search.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOurs = instance::kScratchMarker;
// The backup, the WAL fetched ahead and what replay adds.
constexpr double kRoomFactor = 1.2;
constexpr Seconds kEndPatience{60};  // of a server told to stop at once
constexpr Millis kLookEvery{100};

bool is_ours(const fs::path& base) {
  std::error_code error;
  return fs::exists(base / kOurs, error);
}

}  // namespace

// What a killed job left running. The copy is thrown away: it need not shut down cleanly.
Result<void> end_server_of(const fs::path& copy) {
  std::error_code error;
  if (!fs::exists(copy, error)) return {};
  const auto until = SteadyClock::now() + kEndPatience;
  if (const auto lock = instance::inspect_lock(copy); lock.postmaster) {
    TRY(handle, instance::open_server_process(*lock.postmaster, copy));
    TRY_VOID(handle.signal(SIGQUIT));
  }
  while (!instance::scan_server_processes(copy).processes.empty()) {
    if (SteadyClock::now() > until)
      return fail(ErrorCode::Refused, "a server of an earlier job runs in " + copy.string());
    std::this_thread::sleep_for(kLookEvery);
  }
  const auto state = instance::inspect_lock(copy).facts.state;
  if (state == instance::LockState::Live || state == instance::LockState::Unclear)
    return fail(ErrorCode::Refused, "a server may still run in " + copy.string());
  return {};
}

Result<Scratch> Scratch::prepare(const fs::path& base, std::string_view job,
                                 const std::optional<runtime::Account>& owner) {
  std::error_code error;
  const bool there = fs::exists(base, error);
  if (there && !is_ours(base) && !fs::is_empty(base, error))
    return fail(Error(ErrorCode::Refused, base.string() + " is not a directory of pgkeel's copies")
                    .with_hint("Move it away, or set archive.drill_dir to another directory."));
  TRY_VOID(runtime::ensure_directory(base, {.mode = 0700, .owner = owner}));
  TRY_VOID(runtime::write_file_atomic(base / kOurs, "scratch space of pgkeel's copies\n"));
  Scratch scratch(base, std::string(job));
  TRY_VOID(end_server_of(scratch.data()));
  TRY_VOID(scratch.clear());
  TRY_VOID(runtime::ensure_directory(scratch.work(), {.mode = 0700, .owner = owner}));
  return scratch;
}

Result<void> Scratch::ask_for_room(const Backup& backup) const {
  return ask_for_room_in(base_, backup,
                         "Free space there, or set archive.drill_dir to another disk.");
}

Result<void> ask_for_room_in(const fs::path& directory, const Backup& backup,
                             std::string_view hint) {
  TRY(space, runtime::disk_space(directory));
  const auto wanted =
      static_cast<std::uint64_t>(static_cast<double>(backup.plain_bytes) * kRoomFactor) + kRoomLeft;
  if (space.bytes_free >= wanted) return {};
  return fail(
      Error(ErrorCode::DiskFull,
            fmt::format("a copy of {} needs {} free in {}, there are {}", backup.label,
                        format_size(wanted), directory.string(), format_size(space.bytes_free)))
          .with_hint(std::string(hint)));
}

Result<void> Scratch::clear() const {
  std::error_code error;
  for (const auto& part : {data(), tablespace_dir(data(), Oid(1)).parent_path(), work()}) {
    fs::remove_all(part, error);
    if (error) return fail(ErrorCode::Io, "clear " + part.string() + ": " + error.message());
  }
  return {};
}

}  // namespace pgkeel::archive
