// See lock.hpp. The pure half: evidence in, judgement out.
#include "instance/lock.hpp"

#include <algorithm>
#include <chrono>

namespace pgkeel::instance {
namespace {

bool has_child(const ServerScan& scan, pid_t pid) {
  return std::ranges::any_of(scan.processes,
                             [pid](const ServerProcess& other) { return other.parent == pid; });
}

bool started_when_recorded(const LockEvidence& evidence) {
  if (!evidence.recorded.started_at) return false;
  const WallTime recorded{std::chrono::seconds(evidence.file->started_epoch_s)};
  return std::chrono::abs(*evidence.recorded.started_at - recorded) <= kStartTimeTolerance;
}

const ServerProcess* recorded_server(const LockEvidence& evidence) {
  if (!evidence.file) return nullptr;
  const auto& all = evidence.scan.processes;
  const auto found = std::ranges::find(all, evidence.file->pid, &ServerProcess::inner_pid);
  return found == all.end() ? nullptr : &*found;
}

// Start time or children: a clock that was stepped moves the first, and only a postmaster has the
// second.
const ServerProcess* postmaster_in(const LockEvidence& evidence) {
  const ServerProcess* recorded = recorded_server(evidence);
  if (recorded != nullptr &&
      (started_when_recorded(evidence) || has_child(evidence.scan, recorded->pid)))
    return recorded;
  const auto& all = evidence.scan.processes;
  const auto parent = std::ranges::find_if(all, [&evidence](const ServerProcess& process) {
    return has_child(evidence.scan, process.pid);
  });
  return parent == all.end() ? nullptr : &*parent;
}

bool runs_in_other_namespace(const ServerProcess& process) {
  return process.pid != process.inner_pid;
}

// Children of nobody in the directory that have children there: postmasters.
std::size_t postmasters(const ServerScan& scan) {
  const auto is_one = [&scan](const ServerProcess& process) {
    const auto parent = std::ranges::find(scan.processes, process.parent, &ServerProcess::pid);
    return parent == scan.processes.end() && has_child(scan, process.pid);
  };
  return static_cast<std::size_t>(std::ranges::count_if(scan.processes, is_one));
}

LockJudgement unclear(LockFacts facts, std::string why) {
  facts.state = LockState::Unclear;
  facts.detail = std::move(why);
  return {std::move(facts), {}};
}

LockJudgement unclear_yet(LockFacts facts, std::string why) {
  facts.settling = true;
  return unclear(std::move(facts), std::move(why));
}

// What was left by a dead postmaster are workers.
const ServerProcess* no_worker_in(const LockEvidence& evidence) {
  const auto& all = evidence.scan.processes;
  const auto found = std::ranges::find_if(all, [](const ServerProcess& process) {
    return process.role != ServerProcess::Role::Worker;
  });
  return found == all.end() ? nullptr : &*found;
}

LockJudgement judge_with_processes(const LockEvidence& evidence, LockFacts facts) {
  const auto& all = evidence.scan.processes;
  const auto foreign = std::ranges::find_if(all, runs_in_other_namespace);
  if (evidence.expected == Namespace::Own && foreign != all.end())
    return unclear(std::move(facts), "process " + std::to_string(foreign->pid) +
                                         " serves this directory from another PID namespace (a "
                                         "container?)");
  const auto count = postmasters(evidence.scan);
  facts.servers = static_cast<int>(count);
  if (count > 1)
    return unclear(std::move(facts),
                   std::to_string(count) + " servers run in this directory at once");
  if (const ServerProcess* postmaster = postmaster_in(evidence)) {
    facts.state = LockState::Live;
    return {std::move(facts), *postmaster};
  }
  if (const ServerProcess* recorded = recorded_server(evidence))
    return unclear(std::move(facts), "process " + std::to_string(recorded->pid) +
                                         " runs in this directory, but started at another time "
                                         "than postmaster.pid says");
  if (const ServerProcess* other = no_worker_in(evidence))
    return unclear_yet(std::move(facts), "process " + std::to_string(other->pid) +
                                             " runs in this directory without a lock file: a "
                                             "server that starts, or postgres --single");
  facts.state = LockState::Orphans;
  for (const ServerProcess& process : all) facts.orphans.push_back(process.pid);
  facts.pid_reused = evidence.recorded.presence == RecordedProcess::Presence::Present;
  facts.pid_owner = evidence.recorded.command;
  return {std::move(facts), {}};
}

LockJudgement stale(LockFacts facts, const LockEvidence& evidence) {
  facts.state = LockState::Stale;
  const std::string pid = std::to_string(evidence.file->pid);
  switch (evidence.recorded.presence) {
    case RecordedProcess::Presence::Dead:
      facts.detail = "postmaster.pid names process " + pid + ", which has ended (zombie)";
      break;
    case RecordedProcess::Presence::Present:
      facts.detail = "postmaster.pid names process " + pid + ", which is " +
                     evidence.recorded.command + " by now";
      break;
    default: facts.detail = "postmaster.pid names process " + pid + ", which does not exist";
  }
  facts.pid_reused = evidence.recorded.presence != RecordedProcess::Presence::Absent;
  facts.pid_is_zombie = evidence.recorded.presence == RecordedProcess::Presence::Dead;
  facts.pid_owner = evidence.recorded.command;
  return {std::move(facts), {}};
}

LockJudgement judge_without_processes(const LockEvidence& evidence, LockFacts facts) {
  switch (evidence.file_state) {
    case LockFile::Absent: return {std::move(facts), {}};
    case LockFile::Garbled:
      facts.state = LockState::Stale;
      facts.detail = "postmaster.pid is empty or no lock file";
      return {std::move(facts), {}};
    case LockFile::Fresh:
      return unclear_yet(std::move(facts), "postmaster.pid was only just created");
    case LockFile::Forbidden: return unclear(std::move(facts), "postmaster.pid cannot be read");
    case LockFile::Read: break;
  }
  if (evidence.recorded.presence == RecordedProcess::Presence::Hidden)
    return unclear(std::move(facts), "postmaster.pid names process " +
                                         std::to_string(evidence.file->pid) +
                                         ", which this user may not look at");
  return stale(std::move(facts), evidence);
}

}  // namespace

LockJudgement judge_lock(const LockEvidence& evidence) {
  LockFacts facts;
  facts.file = evidence.file;
  if (!evidence.scan.processes.empty()) return judge_with_processes(evidence, std::move(facts));
  if (evidence.scan.sight == Sight::Hindered)
    return unclear(std::move(facts),
                   "a postgres process of the directory's owner may not be looked at by this user");
  return judge_without_processes(evidence, std::move(facts));
}

}  // namespace pgkeel::instance
