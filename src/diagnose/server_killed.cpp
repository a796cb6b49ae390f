// The postmaster is gone and did not shut down: killed (by the OOM killer, an operator's kill -9, a
// container engine out of patience) or crashed. Seen as its death event, a pg_control that still
// says "in production", a lock file left behind, surviving children.
// Excluded by a clean stop, a requested stop, or data that is not ours.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

void add_exit(const Case& the_case, Finding& finding) {
  const auto& process = the_case.seen.process;
  if (!process.died_at) {
    finding.evidence.push_back(evidence(the_case, "process", "no server process exists"));
    return;
  }
  finding.since = process.died_at;
  finding.evidence.push_back(evidence(
      the_case, "process",
      process.exit ? fmt::format("process {} ended with {}", process.pid, process.exit->describe())
                   : fmt::format("process {} ended", process.pid)));
}

void add_lock(const Case& the_case, Finding& finding) {
  const auto& lock = the_case.seen.files.lock;
  if (lock.state == instance::LockState::None) return;
  finding.evidence.push_back(
      evidence(the_case, "files",
               lock.orphans.empty()
                   ? std::string("its lock file was left behind, as after kill -9 or a power cut")
                   : fmt::format("its lock file was left behind; {} of its processes still run",
                                 lock.orphans.size())));
}

}  // namespace

std::vector<Finding> server_killed(const Case& the_case) {
  if (!server_absent(the_case) || !data_is_ours(the_case) || stopped_cleanly(the_case)) return {};
  if (!stopped_by_operator(the_case).empty()) return {};

  Finding finding;
  finding.cause = Cause::ServerKilled;
  finding.confidence = the_case.seen.files.lock.state == instance::LockState::None ? 0.85 : 0.98;
  finding.summary = "The server's main process died without a shutdown.";
  add_exit(the_case, finding);
  const auto& control = *the_case.seen.files.data_dir.control;
  finding.evidence.push_back(evidence(
      the_case, "control_file",
      fmt::format("state is \"{}\": no shutdown was completed", pg::to_string(control.state))));
  add_lock(the_case, finding);
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
