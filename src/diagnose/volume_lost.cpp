// The data directory is gone or empty although its file system is mounted: removed, renamed, or a
// container came back with another volume. The directory is searched for before anything else; a
// new cluster is never made in its place. While the old server still runs on the moved or unlinked
// directory, nothing is touched: stopping it could lose what only it still holds.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> volume_lost(const Case& the_case) {
  const auto& seen = the_case.seen;
  const auto& data_dir = seen.files.data_dir;
  const bool absent = data_dir.state == instance::DataDirState::Missing ||
                      data_dir.state == instance::DataDirState::Empty;
  if (!seen.files.seen || !absent || !the_case.known.identity) return {};
  if (!mount_missing(the_case).empty()) return {};
  const bool still_runs = seen.process.state == sense::ProcessState::Running ||
                          seen.process.state == sense::ProcessState::Stopped;
  if (!still_runs && !server_absent(the_case)) return {};

  Finding finding;
  finding.cause = Cause::VolumeLost;
  finding.confidence = 0.95;
  finding.wait = still_runs;
  finding.since = seen.process.died_at;
  finding.summary = fmt::format(
      "The data directory {} is {}{}", the_case.known.identity->data_dir,
      instance::to_string(data_dir.state),
      still_runs ? "; the server still runs without it: do not stop it, dump it now." : ".");
  finding.evidence.push_back(
      evidence(the_case, "files",
               fmt::format("{} is {}; it held the cluster with system identifier {}",
                           the_case.known.identity->data_dir, instance::to_string(data_dir.state),
                           to_string(the_case.known.identity->system_id))));
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
