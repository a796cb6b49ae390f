// postmaster.pid names a process that exists but is another program by now (pids are reused, at
// once in containers), so the server would refuse to start. An ordinary stale file, whose pid
// nobody has, is no obstacle and belongs to server_killed. Excluded when the lock cannot be judged:
// a real twin must never be overridden.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> stale_pid(const Case& the_case) {
  if (!server_absent(the_case) || !data_is_ours(the_case)) return {};
  const auto& lock = the_case.seen.files.lock;
  const bool dead = lock.state == instance::LockState::Stale ||
                    lock.state == instance::LockState::Orphans;  // its children are just ending
  if (!dead || !lock.pid_reused || lock.pid_is_zombie || !lock.file) return {};

  Finding finding;
  finding.cause = Cause::StalePid;
  finding.confidence = 0.97;
  finding.since = the_case.seen.process.died_at;
  finding.summary =
      fmt::format("postmaster.pid names process {}, which is not this server any more but {}.",
                  lock.file->pid, lock.pid_owner);
  finding.evidence.push_back(evidence(
      the_case, "files",
      fmt::format(
          "postmaster.pid says pid {} since {}; that pid now belongs to {}, which started at "
          "another time and works elsewhere",
          lock.file->pid, to_iso8601(WallTime{std::chrono::seconds(lock.file->started_epoch_s)}),
          lock.pid_owner)));
  if (const auto* line = logged(the_case, pg::Signature::LockFileExists))
    finding.evidence.push_back(evidence(the_case, "server_log", line->text));
  return {finding};
}

}  // namespace pgkeel::diagnose
