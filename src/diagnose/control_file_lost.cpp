// The data directory is there but pg_control is missing, damaged or unreadable. Never mended with
// pg_resetwal: that throws committed work away. Where nothing else is missing the guard's own copy
// may take its place (recover/control_copy.hpp); otherwise a human brings back what is.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

namespace {

// A file that cannot be read, or is of a version that is not known, is not lost.
bool only_control_is_lost(const instance::DataDirFacts& facts) {
  if (!facts.control_error) return false;
  if (facts.state == instance::DataDirState::Present)
    return facts.control_error->code == ErrorCode::ControlFileCorrupt;
  return facts.state == instance::DataDirState::Incomplete &&
         facts.control_error->code == ErrorCode::NotFound &&
         facts.detail.starts_with("global/pg_control");
}

// A running server has in memory what was in the file, and needs the file itself only to write it:
// at its next checkpoint, or its shutdown, it would end for good.
bool gone_under_running(const Case& the_case) {
  const auto& seen = the_case.seen;
  const auto& facts = seen.files.data_dir;
  return seen.process.state == sense::ProcessState::Running && seen.login.ok() &&
         facts.state == instance::DataDirState::Incomplete && only_control_is_lost(facts);
}

Finding of_running(const Case& the_case) {
  Finding finding;
  finding.cause = Cause::ControlFileLost;
  finding.subject = std::string(kControlFileSubject);
  finding.confidence = 0.95;
  finding.summary =
      "The control file is gone while the server runs: it serves on, and ends at its next "
      "checkpoint or shutdown.";
  finding.hint =
      "do not stop the server and start no checkpoint; put a copy of its own control file "
      "(STATE_DIR/pg_control) to global/pg_control first";
  finding.evidence.push_back(
      evidence(the_case, "control_file", the_case.seen.files.data_dir.detail));
  finding.evidence.push_back(evidence(
      the_case, "process", fmt::format("the server runs, pid {}", the_case.seen.process.pid)));
  return finding;
}

}  // namespace

std::vector<Finding> control_file_lost(const Case& the_case) {
  if (gone_under_running(the_case)) return {of_running(the_case)};
  const auto& files = the_case.seen.files;
  if (!server_absent(the_case) || !files.data_dir.fenced.empty()) return {};
  const bool damaged = files.data_dir.state == instance::DataDirState::Present &&
                       !files.data_dir.control && files.data_dir.control_error;
  const bool half_there = files.data_dir.state == instance::DataDirState::Incomplete ||
                          files.data_dir.state == instance::DataDirState::Unreadable;
  if (!damaged && !half_there) return {};

  Finding finding;
  finding.cause = Cause::ControlFileLost;
  finding.confidence = 0.9;
  finding.wait = !only_control_is_lost(files.data_dir);
  finding.since = the_case.seen.process.died_at;
  finding.summary = damaged
                        ? "The control file is damaged: " + files.data_dir.control_error->message()
                        : "The data directory is incomplete: " + files.data_dir.detail;
  if (finding.wait && !files.data_dir.detail.empty())
    finding.hint = "a human: bring back what is missing, or restore a backup beside it: " +
                   files.data_dir.detail;
  finding.evidence.push_back(evidence(the_case, "control_file", finding.summary));
  return {finding};
}

}  // namespace pgkeel::diagnose
