// See in_place.hpp.
#include "archive/restore/in_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "archive/catalog/marker.hpp"
#include "archive/receive/spool_listing.hpp"
#include "base/fault_point.hpp"
#include "instance/data_dir.hpp"
#include "instance/lock.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using instance::LockState;
using Step = InPlaceJob::Step;

constexpr const char* kCopy = "data";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool has_control(const fs::path& directory) {
  return is_there(directory / "global" / "pg_control");
}

std::string question(const RestoreRequest& request) {
  return request.target.describe() +
         (request.target.stop == RecoveryTarget::Stop::Before ? ", exclusive" : "") + " from " +
         request.label.value_or("the newest backup") +
         (request.timeline ? " on timeline " + to_string(*request.timeline) : "");
}

// Every server changes it when it starts. Empty: there is none.
std::string reach_of_place(const fs::path& place) {
  const auto control = instance::read_control_file(place);
  if (!control && control.error().code == ErrorCode::NotFound) return {};
  if (!control) return "unreadable";
  return fmt::format("{} at {} on timeline {}, {} {}", to_string(control->system_id),
                     to_string(control->checkpoint), to_string(control->timeline),
                     pg::to_string(control->state), to_iso8601(control->modified_at));
}

// A segment being received has its full size from the start: what comes to it shows in its time.
std::string written_at(const fs::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return {};
  return fmt::format("@{}.{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

// The last segment of each timeline, wherever it is.
Result<std::string> reach_of_archive(const RestoreRequest& request) {
  TRY(marker, read_marker(*request.store));
  if (!marker) return std::string();
  const auto bytes = marker->wal_segment_bytes;
  std::map<TimelineId, std::string> last;
  const auto note = [&](const pg::WalSegment& segment, const std::string& more) {
    auto& known = last[segment.timeline];
    known = std::max(known, pg::segment_name(segment, bytes) + more);
  };
  if (!request.incoming.empty()) {
    const auto files = list_spool(request.incoming, bytes);
    if (!files && files.error().code != ErrorCode::NotFound) return fail(files.error());
    for (const auto& file : files.value_or(std::vector<SpoolFile>{}))
      if (file.kind == SpoolFile::Kind::Complete) note(file.segment, "");
      else if (file.kind != SpoolFile::Kind::History)
        note(file.segment, written_at(request.incoming / file.name));
  }
  TRY(index, WalIndex::read(*request.store, bytes));
  for (const auto& [segment, object] : index.segments()) note(segment, "");
  std::string text;
  for (const auto& [timeline, name] : last) text += (text.empty() ? "" : " ") + name;
  return text;
}

// The restored cluster's own settings may say fsync = off, and replay obeyed them.
Result<void> sync_all(const fs::path& directory) {
  const runtime::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open " + directory.string());
  if (::syncfs(fd.get()) != 0) return fail_errno(errno, "sync " + directory.string());
  return {};
}

std::string why_occupied(const instance::LockFacts& facts, const fs::path& place) {
  switch (facts.state) {
    case LockState::Live: return "a server runs in " + place.string();
    case LockState::Orphans: return "processes of a dead server still stand in " + place.string();
    case LockState::Unclear:
      return fmt::format("it cannot be told whether a server runs in {}: {}", place.string(),
                         facts.detail);
    default: return {};
  }
}

}  // namespace

Result<InPlaceRestore> InPlaceRestore::open(const fs::path& place) {
  TRY(manner, instance::swap_manner(place));
  TRY(found, read_job(place, manner));
  InPlaceRestore opened(found.value_or(make_job(place, manner, wall_now())));
  opened.state_ = found ? opened.judge() : InPlaceState::Nothing;
  return opened;
}

// The journal says what was intended; whether it was begun is seen in the directories.
InPlaceState InPlaceRestore::judge() const {
  if (job_.step == Step::Restoring) return InPlaceState::Incomplete;
  const auto swap = job_.swap();
  if (job_.step == Step::Placing && !is_there(swap.incoming)) return InPlaceState::Placed;
  if (job_.step == Step::Placing || is_there(swap.aside)) return InPlaceState::Between;
  // Killed while a copy that was not wanted any more was removed.
  return has_control(swap.incoming) ? InPlaceState::Complete : InPlaceState::Incomplete;
}

std::string InPlaceRestore::describe() const {
  const auto began = to_iso8601(job_.began);
  switch (state_) {
    case InPlaceState::Nothing: return {};
    case InPlaceState::Incomplete:
      return fmt::format("A restore begun {} was interrupted while it copied; {} was not touched.",
                         began, job_.place.string());
    case InPlaceState::Complete:
      return fmt::format(
          "A restore begun {} to {} is complete in {} and was not put into place; {} was not "
          "touched.",
          began, job_.target, job_.swap().incoming.string(), job_.place.string());
    case InPlaceState::Between:
      return fmt::format(
          "A restore begun {} to {} was interrupted while directories were moved: what was there "
          "is in {}, what is restored in {}.",
          began, job_.target, job_.aside.string(), job_.swap().incoming.string());
    case InPlaceState::Placed:
      return fmt::format("A restore begun {} to {} is in place.", began, job_.target);
  }
  return {};
}

bool InPlaceRestore::was_asked(const RestoreRequest& request) const {
  return job_.asked == question(request);
}

Result<bool> InPlaceRestore::has_current_copy(const RestoreRequest& request) const {
  if (state_ != InPlaceState::Complete || !was_asked(request)) return false;
  if (!job_.latest) return true;
  if (!require_unwritten()) return false;
  TRY(archive, reach_of_archive(request));
  return archive == job_.seen_archive;
}

// The copy would be older than what it replaces. What is gone meanwhile cannot be newer.
Result<void> InPlaceRestore::require_unwritten() const {
  const auto now = reach_of_place(job_.place);
  if (!job_.latest || now.empty() || now == job_.seen_place) return {};
  return fail(Error(ErrorCode::WrongState,
                    fmt::format("a server ran in {} since the restore began {}: its copy is not "
                                "the latest moment any more",
                                job_.place.string(), to_iso8601(job_.began)))
                  .with_hint("Give the command again: it restores anew. Nothing was moved."));
}

Result<void> InPlaceRestore::refuse_server() const {
  if (!is_there(job_.place)) return {};
  const auto why = why_occupied(instance::inspect_lock(job_.place).facts, job_.place);
  if (why.empty()) return {};
  return fail(
      Error(ErrorCode::Refused, why)
          .with_hint("Stop it first, in order; 'pgkeel restore --into DIR' needs no stop."));
}

Result<std::string> InPlaceRestore::check(const Backup& backup) const {
  TRY_VOID(refuse_server());
  const auto facts = instance::inspect_data_dir(job_.place);
  std::string unknown;
  if (facts.control && facts.control->system_id != backup.system_id)
    return fail(
        Error(ErrorCode::WrongIdentity,
              fmt::format("{} holds the cluster {}, the archive holds {}", job_.place.string(),
                          to_string(facts.control->system_id), to_string(backup.system_id)))
            .with_hint("Check archive.store and instance.data_dir; 'pgkeel restore --into "
                       "DIR' restores it elsewhere."));
  const bool occupied = facts.state == instance::DataDirState::Present ||
                        facts.state == instance::DataDirState::Incomplete ||
                        facts.state == instance::DataDirState::Unreadable;
  if (occupied && !facts.control)
    unknown =
        fmt::format("whose data is in {}: its control file cannot be read", job_.place.string());
  // The copy of an earlier run makes room for this one.
  if (state_ == InPlaceState::Nothing) TRY_VOID(ask_for_room(backup));
  return unknown;
}

Result<void> InPlaceRestore::ask_for_room(const Backup& backup) const {
  return ask_for_room_in(
      instance::nearest_existing(job_.work_dir().parent_path()), backup,
      "Free space there: the restored cluster and the present one are both kept.");
}

// What is found in the working directory is ours: nothing else has this name. The server of a
// killed restore is ended before its files go.
Result<Scratch> InPlaceRestore::clear(const std::optional<runtime::Account>& account) {
  if (state_ == InPlaceState::Between || state_ == InPlaceState::Placed)
    return fail(ErrorCode::WrongState, describe());
  TRY(scratch, Scratch::prepare(job_.work_dir(), kCopy, account));
  std::error_code error;
  fs::remove_all(job_.tablespaces, error);  // of a copy that was never in place; else it is absent
  if (error)
    return fail(ErrorCode::Io, "clear " + job_.tablespaces.string() + ": " + error.message());
  return scratch;
}

Result<Restored> InPlaceRestore::restore(RestoreRequest request) {
  TRY(scratch, clear(request.account));
  if (state_ != InPlaceState::Nothing) {
    TRY(plan, plan_restore_of(request));
    TRY_VOID(ask_for_room(plan.backup));
  }
  job_.seen_place = reach_of_place(job_.place);
  TRY(reach, reach_of_archive(request));
  job_.seen_archive = reach;
  job_.began = wall_now();
  job_.asked = question(request);
  job_.target = request.target.describe();
  job_.latest = request.target.kind == RecoveryTarget::Kind::Latest;
  job_.step = Step::Restoring;
  TRY_VOID(write_job(job_));
  state_ = InPlaceState::Incomplete;
  fault_point("in_place.begun");
  request.into = scratch.data();
  request.tablespaces_into = job_.tablespaces;
  TRY(done, archive::restore(request));
  fault_point("in_place.restored");
  TRY_VOID(note_complete(done));
  fault_point("in_place.complete");
  return std::move(done);
}

Result<void> InPlaceRestore::note_complete(const Restored& done) {
  TRY_VOID(sync_all(job_.swap().incoming));
  for (const auto& [oid, directory] : done.tablespaces) TRY_VOID(sync_all(directory));
  job_.system_id = done.backup.system_id;
  job_.backup = done.backup.label;
  job_.timeline = done.timeline;
  job_.lsn = done.lsn;
  job_.bin_dir = done.bin_dir;
  job_.step = Step::SettingAside;
  TRY_VOID(write_job(job_));
  state_ = InPlaceState::Complete;
  return {};
}

Result<void> InPlaceRestore::swap() {
  auto moved = move();
  state_ = judge();
  return moved;
}

Result<void> InPlaceRestore::move() {
  const auto swap = job_.swap();
  if (job_.step == Step::SettingAside) {
    if (!has_control(swap.incoming))
      return fail(ErrorCode::Malformed, swap.incoming.string() + " is not whole any more");
    TRY_VOID(refuse_server());
    if (!is_there(swap.aside)) TRY_VOID(require_unwritten());
    TRY_VOID(instance::set_aside(swap));
    fault_point("in_place.aside");
    job_.step = Step::Placing;
    TRY_VOID(write_job(job_));
    fault_point("in_place.placing");
  }
  TRY_VOID(instance::bring_in(swap));
  fault_point("in_place.placed");
  return {};
}

Result<void> InPlaceRestore::discard(const std::optional<runtime::Account>& account) {
  if (state_ == InPlaceState::Nothing) return {};
  TRY_VOID(clear(account));
  return forget();
}

Result<void> InPlaceRestore::tidy_up() {
  if (!has_control(job_.place) || is_there(job_.swap().incoming))
    return fail(ErrorCode::Failed, job_.place.string() + " does not hold what was restored");
  return forget();
}

Result<void> InPlaceRestore::forget() {
  TRY_VOID(remove_job(job_));
  fault_point("in_place.tidy");
  std::error_code error;
  const auto work = job_.work_dir();
  fs::remove_all(work, error);  // a mark and an empty directory
  if (error) return fail(ErrorCode::Io, "remove " + work.string() + ": " + error.message());
  state_ = InPlaceState::Nothing;
  return runtime::fsync_directory(work.parent_path());
}

}  // namespace pgkeel::archive
