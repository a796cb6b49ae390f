// The data directory is the one it was, and fenced: pgkeel itself has made sure that no server
// starts in it (instance/fence.hpp), and the reason stands beside it. Nothing is lost, and nothing
// is mended: a person says when it may serve again. Found also where another guard, or an earlier
// one whose state is gone, put the fence up.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> data_fenced(const Case& the_case) {
  const auto& data_dir = the_case.seen.files.data_dir;
  if (data_dir.fenced.empty() || !server_absent(the_case)) return {};
  Finding finding;
  finding.cause = Cause::DataFenced;
  finding.confidence = 0.99;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = "The data directory is " + data_dir.fenced + ".";
  finding.evidence.push_back(
      evidence(the_case, "files", "global/pg_control is called pg_control.fenced"));
  if (data_dir.fenced_system_id)
    finding.evidence.push_back(evidence(
        the_case, "control_file", "the cluster in it is " + to_string(*data_dir.fenced_system_id)));
  return {finding};
}

}  // namespace pgkeel::diagnose
