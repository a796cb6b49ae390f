// The reading half of lock.hpp: the file, the process it names, and every process of the directory.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "instance/lock.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

using Presence = RecordedProcess::Presence;

fs::path lock_path(const fs::path& data_dir) { return data_dir / "postmaster.pid"; }

LockFile garbled_or_fresh(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return LockFile::Absent;
  const WallTime written{std::chrono::seconds(status.st_mtim.tv_sec) +
                         std::chrono::microseconds(status.st_mtim.tv_nsec / 1000)};
  return wall_now() - written < kGarbledLockAge ? LockFile::Fresh : LockFile::Garbled;
}

void gather_lock_file(const fs::path& data_dir, LockEvidence& evidence) {
  auto file = read_lock_file(data_dir);
  if (file) {
    evidence.file = *std::move(file);
    evidence.file_state = LockFile::Read;
    return;
  }
  switch (file.error().code) {
    case ErrorCode::NotFound: evidence.file_state = LockFile::Absent; break;
    case ErrorCode::Malformed: evidence.file_state = garbled_or_fresh(lock_path(data_dir)); break;
    default: evidence.file_state = LockFile::Forbidden;
  }
}

std::string describe_process(const runtime::ProcStat& stat) {
  const auto cwd = runtime::read_proc_cwd(stat.pid);
  return cwd ? stat.command + " in " + cwd->string() : stat.command;
}

RecordedProcess look_at_recorded(pid_t pid) {
  RecordedProcess recorded;
  const auto stat = runtime::read_proc_stat(pid);
  if (!stat) {
    recorded.presence =
        runtime::ProcessHandle::open(pid).has_value() ? Presence::Hidden : Presence::Absent;
    return recorded;
  }
  if (stat->state == 'Z' || stat->state == 'X') {
    recorded.presence = Presence::Dead;
    recorded.command = stat->command + " (zombie)";
    return recorded;
  }
  recorded.presence = Presence::Present;
  recorded.command = describe_process(*stat);
  if (const auto started = runtime::proc_started_at(*stat)) recorded.started_at = *started;
  return recorded;
}

// The pid that postmaster.pid names, as this PID namespace calls it; none when it named a process
// of a container that is gone.
std::optional<pid_t> outer_pid(const LockEvidence& evidence) {
  if (evidence.expected == Namespace::Own) return evidence.file->pid;
  const auto& all = evidence.scan.processes;
  const auto found = std::ranges::find(all, evidence.file->pid, &ServerProcess::inner_pid);
  if (found == all.end()) return std::nullopt;
  return found->pid;
}

std::optional<Postmaster> postmaster_of(LockJudgement judgement) {
  if (judgement.facts.state != LockState::Live) return std::nullopt;
  const ServerProcess& process = *judgement.postmaster;
  Postmaster found{process.pid, process.start_ticks, {}};
  if (judgement.facts.file && judgement.facts.file->pid == process.inner_pid)
    found.file = *std::move(judgement.facts.file);
  else found.file.pid = process.inner_pid;
  return found;
}

}  // namespace

Result<pg::PostmasterPid> read_lock_file(const fs::path& data_dir) {
  TRY(text, runtime::read_file(lock_path(data_dir), pg::kLockFileBytesMax));
  return pg::parse_postmaster_pid(text);
}

LockEvidence gather_lock_evidence(const fs::path& data_dir, Namespace expected) {
  LockEvidence evidence;
  evidence.expected = expected;
  gather_lock_file(data_dir, evidence);
  evidence.scan = scan_server_processes(data_dir);
  if (evidence.file)
    if (const auto pid = outer_pid(evidence)) evidence.recorded = look_at_recorded(*pid);
  return evidence;
}

LockJudgement inspect_lock(const fs::path& data_dir, Namespace expected) {
  return judge_lock(gather_lock_evidence(data_dir, expected));
}

std::optional<Postmaster> find_postmaster(const fs::path& data_dir, Namespace expected) {
  if (expected == Namespace::Container) return postmaster_of(inspect_lock(data_dir, expected));
  LockEvidence quick;
  gather_lock_file(data_dir, quick);
  if (quick.file) {
    if (auto process = find_server_process(quick.file->pid, data_dir)) {
      quick.scan.processes.push_back(*process);
      quick.recorded = look_at_recorded(quick.file->pid);
    }
  }
  LockJudgement judgement = judge_lock(quick);
  if (judgement.facts.state != LockState::Live) judgement = inspect_lock(data_dir);
  return postmaster_of(std::move(judgement));
}

Result<void> set_aside_garbled_lock(const fs::path& data_dir) {
  const fs::path path = lock_path(data_dir);
  const fs::path aside = path.string() + ".pgkeel-stale";
  // The file holds nothing worth keeping twice, so an older one of this name is replaced.
  if (::rename(path.c_str(), aside.c_str()) != 0)
    return fail_errno(errno, "set aside " + path.string());
  return runtime::fsync_directory(data_dir);
}

}  // namespace pgkeel::instance
